/** Supernets of the small space that have been trained a little, and what tests compare of them. */
import type { Path } from '../../src/space/space.ts';
import { createSupernetSession } from '../../src/supernet/session.ts';
import type { Scores, Supernet } from '../../src/supernet/supernet.ts';
import { imageBatch, paths, sessionOptions, smallSpace } from './small-space.ts';

/** Initialised, a few steps trained, with stacks: 7 ranking, 9 validation and 11 calibration images. */
export function openTrained(changes: Parameters<typeof sessionOptions>[0] = {}): Supernet {
  const supernet = createSupernetSession(smallSpace, sessionOptions(changes));
  supernet.initialise(11);
  loadStacks(supernet);
  for (const [step, path] of [...paths, ...paths.slice(0, 1)].entries())
    supernet.trainStep(path, imageBatch(8, step), 0.05);
  return supernet;
}

export function loadStacks(supernet: Supernet): void {
  supernet.loadStack('ranking', imageBatch(7, 101));
  supernet.loadStack('validation', imageBatch(9, 102));
  supernet.loadStack('calibration', imageBatch(11, 103));
}

export function plain(scores: Scores) {
  return { ...scores, losses: Array.from(scores.losses) };
}

export function evaluated(supernet: Supernet, path: Path) {
  supernet.recalibrate(path);
  return plain(supernet.evaluate(path));
}
