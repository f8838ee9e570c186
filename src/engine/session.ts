/** A loaded graph: runs its endpoints with fed values, and reads what they return. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import type { Binding, TensorId, TensorOutput } from './binding.ts';

/** A value to feed: its type follows from the array's (`BigInt64Array`: int64), text is a string scalar. */
export type Feed =
  | { readonly shape: readonly number[]; readonly values: Float32Array | Int32Array | Uint8Array | BigInt64Array }
  | { readonly text: string };

export interface Session {
  /**
   * Runs the graph once: feeds values by tensor name ("images:0"), returns the fetched tensors in their order. Blocks
   * JavaScript until TensorFlow is done. The first run of each set of fetches takes seconds, since TensorFlow optimises it.
   *
   * @throws `Error` with TensorFlow's message if an operation fails
   */
  run(feeds: Readonly<Record<string, Feed>>, fetches: readonly string[]): TensorOutput[];
  close(): void;
}

/**
 * Loads the bytes of a `saved_model.pb`.
 *
 * @throws GreedynasError `io` if the temporary folder cannot be written
 */
export function openSession(binding: Binding, savedModel: Uint8Array): Session {
  let directory: string;
  try {
    directory = mkdtempSync(join(tmpdir(), 'greedynas-graph-'));
    writeFileSync(join(directory, 'saved_model.pb'), savedModel);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GreedynasError('io', `the graph cannot be written to the temporary folder ${tmpdir()}: ${reason}`, {
      cause,
    });
  }
  let model: number;
  try {
    model = binding.loadSavedModel(directory, 'serve');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }

  return {
    run(feeds, fetches) {
      const names = Object.keys(feeds);
      const inputs: TensorId[] = [];
      const outputs: TensorId[] = [];
      try {
        for (const name of names) inputs.push(createTensor(binding, feeds[name]!));
        for (const { id } of binding.runSavedModel(model, inputs, names.join(','), fetches.join(','))) outputs.push(id);
        return outputs.map((id) => binding.tensorDataSync(id));
      } finally {
        for (const id of [...inputs, ...outputs]) binding.deleteTensor(id);
      }
    },
    close: () => binding.deleteSavedModel(model),
  };
}

function createTensor(binding: Binding, feed: Feed): TensorId {
  if ('text' in feed) return binding.createTensor([], binding.TF_STRING, [Buffer.from(feed.text)]);
  const { shape, values } = feed;
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== values.length) {
    throw new RangeError(`a feed of shape [${shape.join(', ')}] needs ${count} values, got ${values.length}`);
  }
  if (values instanceof BigInt64Array) {
    const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
    return binding.createTensor(shape, binding.TF_INT64, words);
  }
  const dtype =
    values instanceof Float32Array
      ? binding.TF_FLOAT
      : values instanceof Int32Array
        ? binding.TF_INT32
        : binding.TF_UINT8;
  return binding.createTensor(shape, dtype, values);
}
