/** `make test`: types, lint, dead code, then the tests with coverage. The last line is `N passed, N failed`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Each of these counts as one test. */
const checks = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'dead code', command: ['knip'] },
] as const;

/** Runs a program of node_modules and returns whether it ended with 0, and what it printed (unless `show`). */
async function run(
  command: readonly string[],
  show: boolean,
  environment = {},
): Promise<{ ok: boolean; output: string }> {
  const [program = '', ...args] = command;
  const output: string[] = [];
  const child = spawn(join('node_modules', '.bin', program), args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const [status] = await once(child, 'close');
  return { ok: status === 0, output: output.join('') };
}

async function runCheck({ name, command }: (typeof checks)[number]): Promise<Counts> {
  const { ok, output } = await run(command, false);
  process.stdout.write(ok ? `${name}: ok\n` : `${name}: FAILED (npx ${command.join(' ')})\n${output}\n`);
  return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A test run that ends without a report, because the process died, counts as one failure. */
async function runTests(mochaArguments: readonly string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
  const file = join(folder, 'counts.json');
  try {
    const coverage = ['--reporter=text-summary', '--reporter=html', '--all', '--src=src', '--include=src/**/*.ts'];
    // Mocha adds the spec of its config file to the ones it is given, so the default one stands here.
    const spec = mochaArguments.some((argument) => argument.endsWith('.test.ts')) ? [] : ['test/**/*.test.ts'];
    const mocha = [
      join('node_modules', '.bin', 'mocha'),
      '--reporter',
      './test/reporter.ts',
      ...mochaArguments,
      ...spec,
    ];
    const { ok } = await run(['c8', ...coverage, ...mocha], true, { GREEDYNAS_TEST_COUNTS: file });
    const { passed, failed }: Counts = JSON.parse(readFileSync(file, 'utf8'));
    // No test at all, or a failure outside the tests (coverage, a hook), is a failure too.
    return { passed, failed: ok && passed > 0 ? failed : Math.max(failed, 1) };
  } catch (error) {
    process.stdout.write(`the tests ended without a report: ${error}\n`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const results = await Promise.all(checks.map(runCheck));
results.push(await runTests(process.argv.slice(2)));
const passed = results.reduce((sum, counts) => sum + counts.passed, 0);
const failed = results.reduce((sum, counts) => sum + counts.failed, 0);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
