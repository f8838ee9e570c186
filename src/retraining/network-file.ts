/** network.json: which network a retraining trains, and what its weights began as. */
import { z } from 'zod';
import { readSaved } from '../sampling/saved-state.ts';
import { readIfThere, writeDurably } from '../storage/durable.ts';
import { subnetSchema } from '../supernet/subnet.ts';
import type { RunFolder } from '../training/run-folder.ts';

const networkFile = 'network.json';

const networkSchema = z.strictObject({
  /** The genotype. */
  path: z.string(),
  space: subnetSchema.shape.space,
  /** A published name, or null. */
  name: z.string().nullable(),
  /** The subnet's folder whose weights it began with; null: from scratch. */
  from: z.string().nullable(),
  mean: subnetSchema.shape.mean,
  deviation: subnetSchema.shape.deviation,
});

export type RetrainedNetwork = z.infer<typeof networkSchema>;

export async function writeNetwork(folder: RunFolder, network: RetrainedNetwork): Promise<void> {
  await writeDurably(folder.path(networkFile), `${JSON.stringify(network, null, 2)}\n`);
}

/** @throws GreedynasError `io` if the file is missing or damaged */
export async function readNetwork(folder: RunFolder): Promise<RetrainedNetwork> {
  const path = folder.path(networkFile);
  const text = (await readIfThere(path)) ?? '';
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // The schema says what is wrong with it.
  }
  return readSaved(networkSchema, value, path);
}
