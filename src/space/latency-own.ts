/**
 * The latency table that `greedynas space --measure` writes, made for one space: YAML with the milliseconds of what every
 * path has, and of each operation of each layer under its genotype token. docs/latency.md describes it for users.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { blockSides } from './cost.ts';
import { operationToken } from './genotype.ts';
import { longest } from './latency.ts';
import type { Refuse } from './latency-source.ts';
import type { Latency, Space } from './space.ts';

const ownFormat = 'greedynas-latency-1';

const allowedTime = `milliseconds from 0 to ${longest}`;
const milliseconds = z
  .number({ error: allowedTime })
  .min(0, { error: allowedTime })
  .max(longest, { error: allowedTime });

const ownSchema = z.strictObject({
  format: z.literal(ownFormat),
  /** How it was measured; for people. */
  measured: z.record(z.string(), z.unknown()).optional(),
  fixed: milliseconds,
  layers: z.array(
    z.strictObject({
      name: z.string(),
      input: z.string(),
      output: z.string(),
      operations: z.record(z.string(), milliseconds),
    }),
  ),
});

export function isOwnTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === ownFormat;
}

/** @throws GreedynasError `usage` for a table that is damaged or of another space, and for operations that it lacks */
export function readOwnTable(value: unknown, space: Space, refuse: Refuse): Latency {
  const read = ownSchema.safeParse(value);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw refuse(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`);
  }
  const { fixed, layers } = read.data;
  if (layers.length !== space.layers.length) {
    throw refuse(`layers: has ${layers.length}, space ${space.name} has ${space.layers.length}`);
  }
  const shapes = layerShapes(space);
  return {
    fixed,
    layers: space.layers.map((layer, index) => {
      const { name, input, output, operations } = layers[index]!;
      for (const [key, given, wanted] of [
        ['name', name, layer.name],
        ['input', input, shapes[index]!.input],
        ['output', output, shapes[index]!.output],
      ] as const) {
        if (given !== wanted) {
          throw refuse(
            `layers.${index}.${key}: ${JSON.stringify(given)}, space ${space.name} at ${space.resolution} px has ${wanted}; measure this space with "greedynas space --measure"`,
          );
        }
      }
      return layer.operations.map((operation) => {
        const token = operationToken(operation);
        const time = Object.hasOwn(operations, token) ? operations[token] : undefined;
        if (time === undefined) throw refuse(`layers.${index}.operations (${name}): lacks ${token}`);
        return time;
      });
    }),
  };
}

/** YAML that `readOwnTable` reads back. `measured` says how it was measured. */
export function formatOwnTable(space: Space, { fixed, layers }: Latency, measured: Record<string, unknown>): string {
  const shapes = layerShapes(space);
  return stringify({
    format: ownFormat,
    measured,
    fixed,
    layers: space.layers.map((layer, index) => ({
      name: layer.name,
      ...shapes[index]!,
      operations: Object.fromEntries(
        layer.operations.map((operation, place) => [operationToken(operation), layers[index]![place]!]),
      ),
    })),
  });
}

function layerShapes(space: Space): { readonly input: string; readonly output: string }[] {
  const { layers } = blockSides(space);
  return space.layers.map(({ inChannels, outChannels }, index) => {
    const { input, output } = layers[index]!;
    return { input: `${input}x${input}x${inChannels}`, output: `${output}x${output}x${outChannels}` };
  });
}
