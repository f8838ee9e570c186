/** Reads the reference values in test/fixtures/ops; its README says how they were made. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const array = z.strictObject({
  shape: z.array(z.int()),
  dtype: z.enum(['float32', 'int32', 'bool']),
  values: z.array(z.union([z.number(), z.boolean()])),
});
const arrays = z.record(z.string(), array);

const fixture = z.strictObject({
  op: z.string(),
  tensorflow: z.string().optional(),
  pytorch: z.string().optional(),
  cases: z.array(
    z.strictObject({
      name: z.string(),
      attributes: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.array(z.number())])),
      inputs: arrays,
      outputs: arrays,
      upstream: arrays,
      gradients: arrays,
    }),
  ),
});

export type FixtureArray = z.infer<typeof array>;
export type FixtureCase = z.infer<typeof fixture>['cases'][number];
export type Attributes = FixtureCase['attributes'];

export function readFixture(op: string): FixtureCase[] {
  const text = readFileSync(new URL(`../../fixtures/ops/${op}.json`, import.meta.url), 'utf8');
  return fixture.parse(JSON.parse(text)).cases;
}

export function numberAttribute(attributes: Attributes, name: string): number {
  return z.number().parse(attributes[name]);
}

export function listAttribute(attributes: Attributes, name: string): number[] {
  return z.array(z.number()).parse(attributes[name]);
}

/** Values as numbers, 1 and 0 for true and false. */
export function numbers(values: FixtureArray['values']): number[] {
  return values.map(Number);
}
