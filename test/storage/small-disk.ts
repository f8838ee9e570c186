/** A disk of a few kilobytes: a tmpfs that is mounted for one test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  readonly path: string;
  /** Nothing can be written any more. */
  makeReadOnly(): void;
  unmount(): void;
}

/** Null where this user may not mount one; such tests are skipped, with a line that says so. */
export function mountSmallDisk(bytes: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'greedynas-disk-'));
  const mount = (options: string) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
  try {
    mount(`size=${bytes}`);
  } catch {
    rmdirSync(path);
    return null;
  }
  return {
    path,
    makeReadOnly: () => void mount('remount,ro'),
    unmount() {
      execFileSync('umount', [path], { stdio: 'pipe' });
      rmdirSync(path);
    },
  };
}
