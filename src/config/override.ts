/** `--set key.path=value`: values from the command line laid over those of the file. */
import { type KeyTree, keysBelow, suggestKey } from './known-keys.ts';
import { readStrictYaml } from './strict-yaml.ts';

/** An override that could be read, or why it could not. */
export type Override =
  | { readonly text: string; readonly path: readonly string[]; readonly value: unknown }
  | { readonly text: string; readonly problem: string };

/** Reads `key.path=value`; the value is YAML, as it would stand in the file (`null`, `330M`, `[1, 2]`). */
export function readOverride(text: string, known: KeyTree): Override {
  const equals = text.indexOf('=');
  if (equals < 1) return { text, problem: 'no value, allowed: key=value, such as training.steps=2000' };
  const path = text.slice(0, equals).trim().split('.');
  for (const [index, key] of path.entries()) {
    const section = path.slice(0, index);
    const keys = keysBelow(section, known);
    if (keys === null) {
      return { text, problem: `${section.join('.')} has no keys below it, allowed: ${section.join('.')}=value` };
    }
    if (!keys.includes(key)) return { text, problem: unknownKey(section, key, known) };
  }
  const raw = text.slice(equals + 1).trim();
  if (raw === '') return { text, problem: 'an empty value, allowed: key=value (key=null for none)' };
  const read = readStrictYaml(raw);
  if ('problems' in read) {
    return { text, problem: `the value is no YAML: ${read.problems[0]?.message ?? ''}` };
  }
  return { text, path, value: read.value };
}

/** What is wrong with a key that the section does not have. */
export function unknownKey(section: readonly string[], key: string, known: KeyTree): string {
  const suggestion = suggestKey(section, key, known);
  const where = section.length === 0 ? '' : ` in ${section.join('.')}`;
  const meant = suggestion === null ? '' : `; did you mean ${suggestion}?`;
  return `unknown key, allowed${where}: ${(keysBelow(section, known) ?? []).join(', ')}${meant}`;
}

/** A copy of `data` with the value at the path; what stands in the way of the path and is no section is replaced. */
export function withValue(
  data: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [key, ...rest] = path;
  if (key === undefined) return data;
  return { ...data, [key]: rest.length === 0 ? value : withValue(section(data[key]), rest, value) };
}

/** A copy of `data` without the value at the path. */
export function withoutValue(data: Record<string, unknown>, path: readonly string[]): Record<string, unknown> {
  const [key, ...rest] = path;
  if (key === undefined || !Object.hasOwn(data, key)) return data;
  const { [key]: value, ...others } = data;
  return rest.length === 0 || !isSection(value) ? others : { ...others, [key]: withoutValue(value, rest) };
}

/** A YAML mapping. */
export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function section(value: unknown): Record<string, unknown> {
  return isSection(value) ? value : {};
}
