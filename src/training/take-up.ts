/** Goes on with a run: reports and sets aside damaged checkpoints, and points `latest` at the one to go on from. */
import { type Checkpoint, type FoundCheckpoint, pointLatest, type SteppedState, setAside } from './checkpoint.ts';
import type { RunFolder } from './run-folder.ts';

/** The checkpoint to go on from; null where the run has none yet. */
export async function takeUp<State extends SteppedState>(
  folder: RunFolder,
  { checkpoint, skipped }: FoundCheckpoint<State>,
  notice: (line: string) => void,
): Promise<Checkpoint<State> | null> {
  for (const { directory, reason } of skipped) {
    notice(`skipped the checkpoint ${directory}: ${reason}`);
  }
  await setAside(folder.directory, skipped);
  if (checkpoint !== null) {
    await pointLatest(folder.directory, checkpoint.step);
  }
  notice(
    checkpoint === null
      ? 'no checkpoint yet: starting at step 0'
      : `resuming ${folder.name} at step ${checkpoint.step}`,
  );
  return checkpoint;
}
