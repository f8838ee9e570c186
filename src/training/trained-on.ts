/** In a checkpoint: which images it was trained on, so that no run goes on with others without a word. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { DataIdentity } from '../data/identity.ts';
import { GreedynasError } from '../errors.ts';
import { parseJson, readSaved } from '../sampling/saved-state.ts';
import { readIfThere } from '../storage/durable.ts';

export const trainedOnFile = 'images.json';

const schema: z.ZodType<DataIdentity> = z.strictObject({
  train: z.int(),
  validation: z.int(),
  classes: z.int(),
  sha256: z.string(),
});

export function trainedOnText(images: DataIdentity): string {
  return `${JSON.stringify(images)}\n`;
}

/**
 * @param checkpoint its folder
 * @param now the images to go on with
 * @throws GreedynasError `usage` if the checkpoint was trained on other images; `io` if its note of them is damaged
 */
export async function checkTrainedOn(runName: string, checkpoint: string, now: DataIdentity): Promise<void> {
  const file = join(checkpoint, trainedOnFile);
  const text = await readIfThere(file);
  // Checkpoints of earlier versions have none.
  if (text === null) return;
  const before = readSaved(schema, parseJson(text, file), file);
  if (isDeepStrictEqual(before, now)) return;
  const counts = ({ train, validation, classes }: DataIdentity): string =>
    `${train} images to train on and ${validation} held out, of ${classes} classes`;
  const difference =
    counts(before) === counts(now)
      ? `as many as these, ${counts(now)}, but with other contents, names, sizes or classes`
      : `${counts(before)}; these are ${counts(now)}`;
  throw new GreedynasError(
    'usage',
    `run "${runName}" was trained on other images: ${difference}. Name the folder of its own images with --data, or start another run with these.`,
  );
}
