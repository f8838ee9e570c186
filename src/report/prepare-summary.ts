/** What the user reads of a preparation: a line now and then while it works, and what came of it. */
import type { PrepareProgress, PrepareResult } from '../data/prepare.ts';
import { splitNames } from '../data/prepared-folder.ts';
import { formatDuration } from './format.ts';

/** Skipped and ignored files that are named; all stand in dataset.json. */
const named = 10;

/** Turns progress into a line every `seconds`: images done, images a second, time left. */
export function createPrepareProgress(options: {
  readonly clock: () => number;
  readonly line: (text: string) => void;
  readonly seconds?: number;
}): (progress: PrepareProgress) => void {
  const { clock, line, seconds = 5 } = options;
  let began: { readonly seconds: number; readonly done: number } | null = null;
  let shown = 0;
  return ({ done, total }) => {
    const now = clock();
    if (began === null) {
      began = { seconds: now, done };
      shown = now;
    }
    if (now - shown < seconds && done < total) return;
    shown = now;
    const speed = (done - began.done) / Math.max(now - began.seconds, 1e-3);
    const left = done < total ? `, ${formatDuration((total - done) / speed)} left` : '';
    line(`${done} of ${total} images, ${Math.round(speed)} images/s${left}`);
  };
}

export function prepareSummary(result: PrepareResult): string {
  const { description, directory } = result;
  if (description === null) {
    return `Stopped after ${result.before + result.done} images. The same command goes on at the first unfinished shard.`;
  }
  const lines = splitNames.flatMap((name) => {
    const split = description.splits[name];
    if (split === undefined) return [];
    const bytes = split.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    const shards = `${split.shards.length} ${split.shards.length === 1 ? 'shard' : 'shards'}`;
    return [`${name.padEnd(8)}${split.images} images in ${shards}, ${(bytes / 1e6).toFixed(1)} MB`];
  });
  const converted = Object.entries(description.converted).map(([kind, count]) => `${count} ${kind}`);
  if (converted.length > 0) lines.push(`converted: ${converted.join(', ')}`);
  for (const [what, files] of [
    [description.skipped.length === 1 ? 'image could not be used' : 'images could not be used', description.skipped],
    [description.ignored.length === 1 ? 'file was left aside' : 'files were left aside', description.ignored],
  ] as const) {
    if (files.length === 0) continue;
    lines.push(`${files.length} ${what}:`, ...files.slice(0, named).map(({ path, reason }) => `  ${path}: ${reason}`));
    if (files.length > named) lines.push(`  … and ${files.length - named} more, all in ${directory}/dataset.json`);
  }
  const state = result.done === 0 ? 'Already prepared' : 'Prepared';
  return [
    ...lines,
    `${state} in ${directory}.`,
    `Next: greedynas train-supernet --data ${directory} --run <name>`,
  ].join('\n');
}
