/** Texts to configs or to the lines of the error, for the tests of the loader. */
import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import type { RunConfig } from '../../src/config/schema.ts';

/** The lines of the usage error that a text ends in; fails where it is a config. */
export function linesOf(text: string, overrides: string[] = []): string[] {
  try {
    parseConfig(text, { file: 'run.yaml', overrides });
  } catch (error) {
    expect(error).to.include({ name: 'GreedynasError', code: 'usage' });
    if (error instanceof Error) return error.message.split('\n');
  }
  throw new Error(`accepted: ${text.slice(0, 100)}`);
}

/** The config of a text. */
export function configOf(text: string, overrides: string[] = []): RunConfig {
  return parseConfig(text, { file: 'run.yaml', overrides });
}
