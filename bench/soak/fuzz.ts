/**
 * Attacks each parser with generated inputs: `npx tsx bench/soak/fuzz.ts [--inputs 100000] [--seed 1] [--only genotype,FLOPs]`.
 * Each gives a value or a named error; nothing else may come out, nothing may take ten seconds of the processor, and no promise
 * may be rejected unheard. Ends with 1 otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { attacks, withstands } from '../../test/hostile/parsers.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const count = Number(values.inputs);
let failures = 0;
process.on('unhandledRejection', (reason) => {
  failures += 1;
  console.log(`unhandled rejection: ${reason}`);
});

const folder = mkdtempSync(join(tmpdir(), 'greedynas-fuzz-'));
for (const attack of attacks.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name))) {
  const began = process.cpuUsage();
  let longest = 0;
  let problems = 0;
  // In parts: fast-check keeps what it has tried.
  const part = 1000;
  for (let done = 0; done < count; done += part) {
    for (const input of fc.sample(attack.inputs, {
      numRuns: Math.min(part, count - done),
      seed: Number(values.seed) + done,
    })) {
      const start = process.cpuUsage();
      const problem = await withstands(attack, input, join(folder, 'own'));
      // Not by the clock: on a busy machine that stands still for seconds.
      const used = process.cpuUsage(start);
      const took = (used.user + used.system) / 1000;
      longest = Math.max(longest, took);
      if (problem === null && took < 10_000) continue;
      problems += 1;
      if (problems <= 3)
        console.log(
          `${attack.name}: ${problem ?? `took ${took.toFixed(0)} ms`}\n  input: ${JSON.stringify(input)?.slice(0, 500)}`,
        );
    }
  }
  rmSync(join(folder, 'own'), { recursive: true, force: true });
  failures += problems;
  const { user, system } = process.cpuUsage(began);
  const seconds = ((user + system) / 1e6).toFixed(0);
  const memory = (process.memoryUsage.rss() / 2 ** 20).toFixed(0);
  console.log(
    `${attack.name}: ${count} inputs, ${problems} problems, longest ${longest.toFixed(0)} ms, ${seconds} s of processor time, ${memory} MiB resident`,
  );
}
rmSync(folder, { recursive: true, force: true });
console.log(failures === 0 ? 'all withstood' : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
