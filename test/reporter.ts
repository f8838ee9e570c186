/** mocha's spec reporter that also writes the counts for test/run.ts, when the whole run came to its end. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

export default function reporter(runner: Mocha.Runner, options: Mocha.MochaOptions): void {
  new Mocha.reporters.Spec(runner, options);
  runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
    const file = process.env.GREEDYNAS_TEST_COUNTS;
    const { passes = 0, failures = 0 } = runner.stats ?? {};
    if (file) writeFileSync(file, JSON.stringify({ passed: passes, failed: failures }));
  });
}
