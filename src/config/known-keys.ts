/** The keys that a config may have, read off the schema, and the one that a misspelt key was meant to be. */
import * as z from 'zod';
import { sectionsSchema } from './schema.ts';

/** A section by its keys; null is a key with a value. */
export interface KeyTree {
  readonly [key: string]: KeyTree | null;
}

/** All keys of a supernet's config. */
export const supernetKeys: KeyTree = keysOf(sectionsSchema) ?? {};

/** The keys of a schema of sections; null for a value. */
export function keysOf(schema: unknown): KeyTree | null {
  if (schema instanceof z.ZodObject) {
    return Object.fromEntries(Object.entries(schema.shape).map(([key, child]) => [key, keysOf(child)]));
  }
  const wrapped = schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault;
  return wrapped ? keysOf(schema.unwrap()) : null;
}

/** The keys below a section; null where the path is no section. */
export function keysBelow(path: readonly string[], keys: KeyTree): string[] | null {
  let tree: KeyTree | null = keys;
  for (const key of path) tree = tree !== null && Object.hasOwn(tree, key) ? (tree[key] ?? null) : null;
  return tree === null ? null : Object.keys(tree);
}

/** "did you mean …" for an unknown key below a section: the nearest key there, or the same key elsewhere; null for none. */
export function suggestKey(section: readonly string[], key: string, keys: KeyTree): string | null {
  const near = (keysBelow(section, keys) ?? [])
    .map((known) => ({ known, distance: editDistance(key.toLowerCase(), known.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance)[0];
  if (near !== undefined && near.distance <= Math.max(1, Math.floor(near.known.length / 3))) {
    return [...section, near.known].join('.');
  }
  return dottedKeys(keys).find((dotted) => dotted.split('.').at(-1) === key) ?? null;
}

function dottedKeys(tree: KeyTree): string[] {
  return Object.entries(tree).flatMap(([key, below]) =>
    below === null ? [key] : [key, ...dottedKeys(below).map((rest) => `${key}.${rest}`)],
  );
}

/** Levenshtein's distance; texts beyond 64 characters are far from every key. */
function editDistance(one: string, other: string): number {
  if (one.length > 64) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
