/** The progress of a training: a bar in a terminal, plain lines elsewhere. */
import type { Writable } from 'node:stream';
// CommonJS: its names are only on the default export.
import cliProgress from 'cli-progress';
import { formatCount, formatDuration } from './format.ts';

export interface StepReport {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly epsilon: number;
  readonly poolSize: number;
  /** Images handled in this step. */
  readonly images: number;
  /** Plain output prints a line for this step. */
  readonly logged: boolean;
}

export interface ProgressDisplay {
  report(step: StepReport): void;
  /** Leaves the bar, so that other lines can follow. */
  end(): void;
}

export interface ProgressOptions {
  readonly out: Writable;
  /** Draw a bar; else lines. */
  readonly interactive: boolean;
  readonly steps: number;
  /** The step that this session begins with. */
  readonly from: number;
  /** Seconds, for speed and time left. */
  readonly clock: () => number;
}

/** Speed and time left over about the last minute, since a ranking round makes single steps of unequal length. */
function createSpeed(clock: () => number) {
  const span = 60;
  const marks: { seconds: number; steps: number; images: number }[] = [{ seconds: clock(), steps: 0, images: 0 }];
  return {
    add(images: number) {
      const last = marks.at(-1)!;
      marks.push({ seconds: clock(), steps: last.steps + 1, images: last.images + images });
      while (marks.length > 2 && last.seconds - marks[0]!.seconds > span) {
        marks.shift();
      }
    },
    now() {
      const first = marks[0]!;
      const last = marks.at(-1)!;
      const seconds = last.seconds - first.seconds;
      return { steps: (last.steps - first.steps) / seconds, images: (last.images - first.images) / seconds };
    },
  };
}

/** Smoothing of the shown loss: each step counts 2 %, so it shows about the last 50 steps. The log has exact means. */
const lossShare = 0.02;

export function createProgress(options: ProgressOptions): ProgressDisplay {
  const { out, interactive, steps, from, clock } = options;
  const speed = createSpeed(clock);
  let loss: number | null = null;
  const bar = interactive ? createBar(out) : null;
  bar?.start(steps, from, { loss: '-', epsilon: '-', pool: '-', speed: '-', left: '?' });
  return {
    report(step) {
      speed.add(step.images);
      // A skipped step has none.
      if (Number.isFinite(step.loss)) {
        loss = loss === null ? step.loss : loss + lossShare * (step.loss - loss);
      }
      if (bar === null && !step.logged) {
        return;
      }
      const { images, steps: perSecond } = speed.now();
      const shown = {
        loss: loss?.toFixed(3) ?? '-',
        epsilon: step.epsilon.toFixed(2),
        pool: String(step.poolSize),
        speed: Number.isFinite(images) ? formatCount(Math.round(images)) : '-',
        left: formatDuration((steps - step.step) / perSecond),
      };
      if (bar !== null) {
        bar.update(step.step, shown);
      } else {
        out.write(
          `step ${step.step}/${steps}  loss ${shown.loss}  epsilon ${shown.epsilon}  pool ${shown.pool}  ${shown.speed} images/s  ${shown.left} left\n`,
        );
      }
    },
    end() {
      bar?.stop();
    },
  };
}

function createBar(stream: Writable) {
  return new cliProgress.SingleBar({
    stream,
    format: '{bar} {value}/{total}  loss {loss}  ε {epsilon}  pool {pool}  {speed} images/s  {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 20,
    hideCursor: true,
    fps: 4,
    // The bar must not catch signals: the trainer saves on them.
    gracefulExit: false,
    forceRedraw: true,
  });
}
