/** The progress of a ranking: one line that is rewritten in a terminal, now and then a line elsewhere. */
import type { Writable } from 'node:stream';
import type { RankProgress } from '../ranking/rank-run.ts';
import { formatDuration } from './format.ts';

export interface RankProgressDisplay {
  report(progress: RankProgress): void;
  end(): void;
}

export interface RankProgressOptions {
  readonly out: Writable;
  readonly interactive: boolean;
  readonly clock: () => number;
}

/** Scores between two plain lines. */
const plainEvery = 50;

export function createRankProgress({ out, interactive, clock }: RankProgressOptions): RankProgressDisplay {
  let first: { seconds: number; scored: number } | null = null;
  let open = false;
  return {
    report({ scored, total }) {
      first ??= { seconds: clock(), scored };
      if (!interactive && scored % plainEvery !== 0 && scored !== total) return;
      const pace = (clock() - first.seconds) / (scored - first.scored);
      const line = `scored ${scored}/${total}  ${formatDuration(pace * (total - scored))} left`;
      out.write(interactive ? `\r\u001b[K${line}` : `${line}\n`);
      open = interactive;
    },
    end() {
      if (open) out.write('\n');
      open = false;
    },
  };
}
