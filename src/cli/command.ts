/** What a command is to main.ts, and the flags that commands share: one grammar for all of them. */
import type { Options } from 'yargs';
import { GreedynasError } from '../errors.ts';
import { defaultDataDirectory } from './defaults.ts';
import type { Surroundings } from './surroundings.ts';

/** Parsed flags, by name. Values are unchecked strings, booleans or lists until the readers below take them. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Flags by name. Every command also has --help and --json. */
  readonly flags: Readonly<Record<string, Options>>;
  /** How the words after the command's name read in its usage line, for a command that takes any. */
  readonly words?: string;
  /** [command line, what it does] */
  readonly examples: readonly (readonly [string, string])[];
  /** Which files it reads and writes; shown below the flags. */
  readonly files: string;
  /** Returns the exit code. */
  readonly run: (flags: Flags, surroundings: Surroundings) => Promise<number>;
}

export const flag = {
  config: { type: 'string', requiresArg: true, describe: 'YAML config of the run' },
  data: {
    type: 'string',
    requiresArg: true,
    default: defaultDataDirectory,
    describe: 'folder of the data sets, or of images by class',
  },
  run: { type: 'string', requiresArg: true, describe: 'name of the run: its folder is checkpoints/<run>' },
  subnet: { type: 'string', requiresArg: true, demandOption: true, describe: 'folder of the subnet' },
  flops: { type: 'string', requiresArg: true, describe: 'FLOPs limit of a path: 330M, 0.33G or 330000000' },
  params: { type: 'string', requiresArg: true, describe: 'parameter limit of a path: 5M or 5000000' },
  latency: { type: 'string', requiresArg: true, describe: 'latency limit of a path: 80ms, 0.08s or 800us' },
  'latency-table': {
    type: 'string',
    requiresArg: true,
    describe: 'file that says how long each operation takes (docs/latency.md)',
  },
  'latency-device': { type: 'string', requiresArg: true, describe: 'which device of a table that has several' },
  set: {
    type: 'array',
    string: true,
    requiresArg: true,
    describe: 'override a config key, as key=value; may be repeated',
  },
} as const satisfies Record<string, Options>;

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** A flag that has a default or is demanded. */
export function requiredText(flags: Flags, name: string): string {
  const value = textFlag(flags, name);
  if (value === undefined) {
    throw new RangeError(`--${name} has neither a value nor a default`);
  }
  return value;
}

export function switchFlag(flags: Flags, name: string): boolean {
  return flags[name] === true;
}

/** The words after the command's name. */
export function wordsOf(flags: Flags): string[] {
  const words = flags._;
  return Array.isArray(words) ? words.slice(1).map(String) : [];
}

export function listFlag(flags: Flags, name: string): string[] {
  const value = flags[name];
  return Array.isArray(value) ? value.map(String) : [];
}

/** A flag that counts something. @throws GreedynasError `usage` for anything but a whole number from 0 */
export function countFlag(flags: Flags, name: string): number {
  const text = textFlag(flags, name) ?? '0';
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(count)) return count;
  throw new GreedynasError('usage', `--${name} ${JSON.stringify(text.slice(0, 40))}, allowed: a whole number from 0`);
}

/** The words of a command line that gives a command these flags. */
export function wordsFor(flags: Flags, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = flags[name];
    if (value === true) return [`--${name}`];
    return [value ?? []].flat().flatMap((each) => (typeof each === 'string' ? [`--${name}=${each}`] : []));
  });
}
