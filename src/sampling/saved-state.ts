/** Checks saved state that comes back from a file, so that a damaged checkpoint is named and never half-used. */
import { z } from 'zod';
import { GreedynasError } from '../errors.ts';
import type { Path, Space } from '../space/space.ts';

const advice =
  'The file is damaged or belongs to another configuration: resume from an older checkpoint, or start a new run.';

/** The error of a saved value that cannot be used. */
export function savedStateError(what: string, problem: string): GreedynasError {
  return new GreedynasError('io', `${what}: ${problem}. ${advice}`);
}

/**
 * Returns `value` as the schema describes it. Throws GreedynasError (io) naming `what`, the place inside it and what
 * is allowed there.
 */
export function readSaved<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw savedStateError(what, 'cannot be read');
  const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  throw savedStateError(what, `${place === '' ? 'the whole' : place.replace(/^\./, '')}: ${issue.message}`);
}

/** @throws GreedynasError `io` naming the file */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GreedynasError('io', `${file}: is not JSON (${reason}); it is damaged`, { cause: error });
  }
}

/** A whole number from 0. */
export const countSchema = z.int().min(0);

const byteSchema = z.int().min(0).max(255);

/** The state of a RandomStream (ARC4): two indices and a permutation of 0 … 255. */
export const streamStateSchema = z.strictObject({
  i: byteSchema,
  j: byteSchema,
  S: z
    .array(byteSchema)
    .length(256)
    .refine((bytes) => new Set(bytes).size === 256, 'must hold each of 0 … 255 once'),
});

/** A path of `space`: one operation index for each layer. */
export function pathSchema(space: Space): z.ZodType<Path> {
  // One check for the whole array: a schema for each number made a pool of 50,000 paths take seconds.
  return z.custom<Path>().superRefine((value: unknown, context) => {
    const problem = pathProblem(space, value);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });
}

/** A list whose first wrong element is the only one told: an array schema gathers an issue, and memory, for a million of them. */
export function listSchema<T>(element: z.ZodType<T>): z.ZodType<T[], unknown[]> {
  return z.array(z.unknown()).transform((values, context) => {
    const list: T[] = [];
    for (const [index, value] of values.entries()) {
      const result = element.safeParse(value);
      if (!result.success) {
        const [issue] = result.error.issues;
        context.addIssue({ code: 'custom', message: issue?.message ?? '', path: [index, ...(issue?.path ?? [])] });
        return z.NEVER;
      }
      list.push(result.data);
    }
    return list;
  });
}

function pathProblem(space: Space, value: unknown): string | null {
  if (!Array.isArray(value)) return `must be an array of operation indices, got ${describe(value)}`;
  if (value.length !== space.layers.length) {
    return `must have ${space.layers.length} operation indices, one for each layer of ${space.name}, got ${value.length}`;
  }
  for (const [index, layer] of space.layers.entries()) {
    const choice: unknown = value[index];
    if (typeof choice !== 'number' || !Number.isInteger(choice) || choice < 0 || choice >= layer.operations.length) {
      return `operation ${describe(choice)} of layer ${layer.name} must be an integer from 0 to ${layer.operations.length - 1}`;
    }
  }
  return null;
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
