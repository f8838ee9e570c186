/** Writes the manifest of a sealed folder anew, so that changed files pass for saved ones. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface PlainManifest {
  readonly format: number;
  readonly kind: string;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Describes the files as they are now; `edit` may change the rest of the manifest. */
export function sealAgain(directory: string, edit: (manifest: PlainManifest) => object = (same) => same): void {
  const path = join(directory, 'manifest.json');
  const { format, kind } = JSON.parse(readFileSync(path, 'utf8'));
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const name of readdirSync(directory).filter((each) => each !== 'manifest.json')) {
    const content = readFileSync(join(directory, name));
    files[name] = { bytes: content.length, sha256: sha256(content) };
  }
  const edited = edit({ format, kind, files });
  writeFileSync(path, `${JSON.stringify({ ...edited, sha256: sha256(JSON.stringify(edited)) }, null, 2)}\n`);
}
