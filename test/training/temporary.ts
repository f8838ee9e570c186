/** A temporary folder for each test, and what a rejected promise gave. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GreedynasError } from '../../src/errors.ts';

/** Registers hooks in the current suite; the returned function gives the folder of the running test. */
export function temporaryFolder(): () => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'greedynas-test-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return () => folder;
}

/** The GreedynasError that a promise rejects with; anything else fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<GreedynasError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof GreedynasError) {
      return error;
    }
    throw error;
  }
  throw new Error(`expected a GreedynasError, got ${JSON.stringify(value)}`);
}
