/** Weights of a TensorFlow checkpoint in JavaScript. */
import { type EngineOptions, loadAddon } from '../engine/addon.ts';
import { openSession } from '../engine/session.ts';
import { GreedynasError } from '../errors.ts';
import { restoreTensors } from '../graph/checkpoint.ts';
import { ensureShape, Graph } from '../graph/graph.ts';
import type { WeightTensor } from './program.ts';

type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Reads float32 tensors by name.
 *
 * @param prefix the checkpoint's path before `.index`
 * @throws GreedynasError `io` if the checkpoint lacks one of them, or has it in another shape
 */
export function readWeights(prefix: string, shapes: Shapes, engine: EngineOptions): Map<string, WeightTensor> {
  const graph = new Graph();
  const scope = graph.main;
  const names = [...shapes.keys()];
  const dtypes = names.map(() => 'float32' as const);
  const restored = restoreTensors(scope, graph.placeholder('prefix', 'string', []), names, dtypes);
  const fetches = names.map((name, index) => {
    graph.output(`value_${index}`, ensureShape(scope, restored[index]!, shapes.get(name)!, `shape/${name}`));
    return `value_${index}:0`;
  });
  const session = openSession(loadAddon(engine), graph.encode());
  try {
    const values = session.run({ 'prefix:0': { text: prefix } }, fetches) as Float32Array[];
    return new Map(names.map((name, index) => [name, { shape: shapes.get(name)!, values: values[index]! }]));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GreedynasError('io', `the checkpoint ${prefix} does not hold the weights of its network: ${reason}`, {
      cause,
    });
  } finally {
    session.close();
  }
}
