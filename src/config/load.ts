/** Reads a config from YAML and `--set` overrides, reporting every problem at once, a line each. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type * as z from 'zod';
import { GreedynasError } from '../errors.ts';
import { type Contradiction, findContradictions } from './constraints.ts';
import { type KeyTree, keysBelow, supernetKeys } from './known-keys.ts';
import { isSection, readOverride, unknownKey, withoutValue, withValue } from './override.ts';
import { type RunConfig, runConfigSchema } from './schema.ts';
import { maximumBytes, readStrictYaml } from './strict-yaml.ts';

export interface ConfigRequest {
  readonly file: string;
  /** `key.path=value`, later ones win. */
  readonly overrides?: readonly string[];
}

/** More lines than this help nobody. */
const maximumLines = 20;

/** A kind of config: its keys, what each may be, and what they demand of each other. */
export interface ConfigKind<Config> {
  readonly schema: z.ZodType<Config>;
  readonly keys: KeyTree;
  readonly contradictions: (config: Config) => readonly Contradiction[];
}

const supernetConfig: ConfigKind<RunConfig> = {
  schema: runConfigSchema,
  keys: supernetKeys,
  contradictions: findContradictions,
};

/**
 * The resolved config of a supernet's run.
 * @throws GreedynasError `usage` with a line for each problem: where, key, value, what is allowed; `io` if the file cannot be read
 */
export function loadConfig(request: ConfigRequest): RunConfig {
  return loadConfigOf(supernetConfig, request);
}

/** The same for a config of any kind. */
export function loadConfigOf<Config>(kind: ConfigKind<Config>, request: ConfigRequest): Config {
  return parseConfigOf(kind, readText(request.file), request);
}

/** A supernet's config from a text that is already read; `file` only names it. */
export function parseConfig(text: string, request: ConfigRequest): RunConfig {
  return parseConfigOf(supernetConfig, text, request);
}

/** A config of any kind from a text that is already read; `file` only names it. */
export function parseConfigOf<Config>(
  { schema, keys, contradictions }: ConfigKind<Config>,
  text: string,
  { file, overrides = [] }: ConfigRequest,
): Config {
  const read = readStrictYaml(text);
  if ('problems' in read) {
    fail(read.problems.map(({ line, message }) => `${file}${line === null ? '' : `:${line}`}: ${message}`));
  }
  if (read.value !== null && !isSection(read.value)) {
    fail([`${file}: ${show(read.value)}, allowed: a mapping of keys to values`]);
  }
  const lines: string[] = [];
  const setBy = new Map<string, string>();
  let input: Record<string, unknown> = read.value ?? {};
  for (const override of overrides.map((override) => readOverride(override, keys))) {
    if ('problem' in override) {
      lines.push(`--set ${shorten(override.text)}: ${override.problem}`);
      continue;
    }
    input = withValue(input, override.path, override.value);
    setBy.set(override.path.join('.'), override.text);
  }
  const where = (path: readonly string[]): string => {
    for (let length = path.length; length > 0; length--) {
      const override = setBy.get(path.slice(0, length).join('.'));
      if (override !== undefined) return `--set ${shorten(override)}`;
    }
    const line = read.lineOf(path);
    return line === null ? file : `${file}:${line}`;
  };
  const report = (path: readonly string[], value: string, message: string) => {
    lines.push(`${where(path)}: ${path.join('.')}: ${value}, ${message}`);
  };

  let parsed = schema.safeParse(input);
  const faulty: string[][] = [];
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues.flatMap((issue) => problems(issue, keys))) {
      if (faulty.some((known) => known.join('.') === path.join('.'))) continue;
      report(path, show(valueAt(input, path)), message);
      faulty.push(path);
    }
    // The rest of the config may still contradict itself; find that out now rather than at the next try.
    parsed = schema.safeParse(faulty.reduce(withoutValue, input));
  }
  if (parsed.success) {
    for (const { key, others, allowed } of contradictions(parsed.data)) {
      const touchesFaulty = [key, ...others].some((name) => faulty.some((path) => within(name, path)));
      if (touchesFaulty) continue;
      const path = key.split('.');
      const value = valueAt(input, path);
      const shown = value === undefined ? `${show(valueAt(parsed.data, path))} (default)` : show(value);
      report(path, shown, `allowed: ${allowed}`);
    }
  }
  if (lines.length > 0) fail(lines);
  if (!parsed.success) throw new Error('a config without its faulty keys does not parse', { cause: parsed.error });
  return parsed.data;
}

/** YAML that loads back to the same config. */
export function stringifyConfig(config: object): string {
  return stringify(config);
}

/** Zod's issue as key paths and what is allowed there. */
function problems(issue: z.core.$ZodIssue, known: KeyTree): { path: string[]; message: string }[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key, known) }));
  }
  // An element of a list is reported with the whole list.
  const place = issue.path.findIndex((key) => typeof key === 'number');
  const shown = place === -1 ? path : path.slice(0, place);
  const section = keysBelow(shown, known);
  const hasOwnMessage = !issue.message.startsWith('Invalid input');
  const allowed = section === null || hasOwnMessage ? issue.message : `a section with the keys ${section.join(', ')}`;
  return [{ path: shown, message: `allowed: ${allowed}` }];
}

function within(key: string, path: readonly string[]): boolean {
  const faulty = path.join('.');
  return key === faulty || key.startsWith(`${faulty}.`);
}

function valueAt(data: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (isSection(value) && Object.hasOwn(value, key) ? value[key] : undefined),
    data,
  );
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return shorten(JSON.stringify(value) ?? String(value));
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}

function fail(lines: readonly string[]): never {
  const more = lines.length > maximumLines ? [`… and ${lines.length - maximumLines} more`] : [];
  throw new GreedynasError('usage', [...lines.slice(0, maximumLines), ...more].join('\n'));
}

function readText(file: string): string {
  let handle: number;
  try {
    // Non-blocking, so that a pipe is refused below instead of waited for.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new GreedynasError(
        'usage',
        `config ${file}: no such file, allowed: a YAML file such as configs/cifar10.yaml`,
      );
    }
    throw new GreedynasError('io', `config ${file}: cannot be opened (${code}); check its permissions`, {
      cause: error,
    });
  }
  try {
    const status = fstatSync(handle);
    if (!status.isFile()) throw new GreedynasError('usage', `config ${file}: not a regular file, allowed: a YAML file`);
    if (status.size > maximumBytes) {
      throw new GreedynasError('usage', `config ${file}: ${status.size} bytes, allowed: at most ${maximumBytes}`);
    }
    return readFileSync(handle, 'utf8');
  } catch (error) {
    if (error instanceof GreedynasError) throw error;
    throw new GreedynasError('io', `config ${file}: cannot be read (${errorCode(error)})`, { cause: error });
  } finally {
    closeSync(handle);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}
