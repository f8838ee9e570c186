/** A table in NAS-Bench-Macro's form with the real costs and made-up accuracies. */
import { createStream } from '../../src/random/stream.ts';
import { pathFlops, pathParams } from '../../src/space/cost.ts';
import { canonicalPath } from '../../src/space/distinct.ts';
import { buildSpace } from '../../src/space/presets.ts';

export interface PublishedEntry {
  test_acc: [number, number, number];
  mean_acc: number;
  std: number;
  params: number;
  flops: number;
}

/** Accuracies rise with the logarithm of FLOPs, plus a network's own merit, plus the noise of each training. */
export function madeUpTable(): Record<string, PublishedEntry> {
  const space = buildSpace({ preset: 'nas-bench-macro' });
  return Object.fromEntries(
    Array.from({ length: 3 ** 8 }, (_, number) => {
      const code = number.toString(3).padStart(8, '0');
      const path = Array.from(code, Number);
      const flops = pathFlops(space, path);
      const stream = createStream(1, canonicalPath(space, path).join(''));
      const merit = 80 + 2 * Math.log(flops / 1e7) + 3 * stream.uniform();
      const trained = (): number => Math.round(100 * (merit + 0.3 * stream.uniform())) / 100;
      const test_acc: [number, number, number] = [trained(), trained(), trained()];
      const mean_acc = (test_acc[0] + test_acc[1] + test_acc[2]) / 3;
      return [code, { test_acc, mean_acc, std: 0.1, params: pathParams(space, path), flops }];
    }),
  );
}
