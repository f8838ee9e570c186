/** The progress of a search: one line that is rewritten in a terminal, now and then a line elsewhere. */
import type { Writable } from 'node:stream';
import type { SearchProgress } from '../search/find-best.ts';
import { formatDuration, formatPercent } from './format.ts';

export interface SearchProgressDisplay {
  report(progress: SearchProgress): void;
  end(): void;
}

export interface SearchProgressOptions {
  readonly out: Writable;
  readonly interactive: boolean;
  readonly clock: () => number;
}

/** Evaluations between two plain lines: one generation of the default population. */
const plainEvery = 50;

export function createSearchProgress({ out, interactive, clock }: SearchProgressOptions): SearchProgressDisplay {
  let first: { phase: string; seconds: number; evaluated: number } | null = null;
  let open = false;
  return {
    report({ phase, evaluated, total, best }) {
      if (first?.phase !== phase) {
        first = { phase, seconds: clock(), evaluated };
      }
      if (!interactive && evaluated % plainEvery !== 0 && evaluated !== total) {
        return;
      }
      const pace = (clock() - first.seconds) / (evaluated - first.evaluated);
      const left = formatDuration(pace * (total - evaluated));
      const line = `${phase} ${evaluated}/${total}  best top-1 ${formatPercent(best.top1)}  loss ${best.loss.toFixed(4)}  ${left} left`;
      out.write(interactive ? `\r\u001b[K${line}` : `${line}\n`);
      open = interactive;
    },
    end() {
      if (open) {
        out.write('\n');
        open = false;
      }
    },
  };
}
