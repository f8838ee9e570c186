/** Where a command's words go: the result to standard output, as text or JSON, everything else to standard error. */
import type { Flags } from './command.ts';
import { switchFlag } from './command.ts';
import type { Surroundings } from './surroundings.ts';

/** Prints a result: `value` as one JSON object if --json was given, else `text`. */
export function printResult(surroundings: Surroundings, flags: Flags, value: object, text: string): void {
  surroundings.stdout.write(switchFlag(flags, 'json') ? `${JSON.stringify(value)}\n` : `${text}\n`);
}

export function noticeWriter(surroundings: Surroundings): (line: string) => void {
  return (line) => {
    surroundings.stderr.write(`${line}\n`);
  };
}
