/**
 * Where the files of an uncompressed tar archive lie in it, archives within it included (ImageNet's training archive holds one for each class).
 *
 * Nothing is unpacked, so an entry cannot write anywhere; links, devices and names that leave the archive are listed as refused.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import { ArchiveError, blockBytes, parseHeader } from './tar.ts';

export interface ArchivedFile {
  /** With `/`; of a file within an inner archive: the archive's name without `.tar`, then its own. */
  readonly path: string;
  /** First byte of its contents in the outer archive. */
  readonly start: number;
  readonly size: number;
}

export interface TarIndex {
  readonly files: readonly ArchivedFile[];
  /** Entries that are not looked at, each with the reason. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

const kinds: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
};

/** Archives within archives; ImageNet has one level. */
const deepest = 4;

/** @throws GreedynasError `io` naming the archive and the byte if it is damaged, cut off or compressed */
export async function indexTar(archive: string): Promise<TarIndex> {
  const files: ArchivedFile[] = [];
  const refused: { path: string; reason: string }[] = [];
  const handle = await explained('open', archive, () => open(archive, 'r'));
  try {
    const { size } = await handle.stat();
    await indexEntries(handle, { first: 0, end: size, prefix: '', depth: 0, files, refused });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const advice = /\.(gz|tgz|bz2|xz|zst)$/.test(archive) ? 'decompress it first' : 'copy or download it again';
    throw new GreedynasError('io', `${archive} cannot be read as a tar archive: ${error.message}; ${advice}`, {
      cause: error,
    });
  } finally {
    await handle.close();
  }
  return { files, refused };
}

interface Stretch {
  readonly first: number;
  readonly end: number;
  readonly prefix: string;
  readonly depth: number;
  readonly files: ArchivedFile[];
  readonly refused: { path: string; reason: string }[];
}

async function indexEntries(handle: FileHandle, stretch: Stretch): Promise<void> {
  const { end, prefix, depth, files, refused } = stretch;
  let place = stretch.first;
  let longName: string | null = null;
  while (place < end) {
    const block = await readExactly(handle, place, blockBytes, end);
    if (block.every((byte) => byte === 0)) return;
    const { name, size, type } = parseHeader(block, place);
    const start = place + blockBytes;
    if (start + size > end) throw new ArchiveError(`byte ${place}: ${name} goes on beyond the end of the archive`);
    place = start + Math.ceil(size / blockBytes) * blockBytes;
    if (type === 'L' || type === 'x') {
      longName = readLongName(type, await readExactly(handle, start, Math.min(size, 1 << 20), end)) ?? longName;
      continue;
    }
    if (type === 'g' || type === '5') continue;
    const path = prefix + (longName ?? name).replace(/^(\.\/)+/, '');
    longName = null;
    if (type !== '0') {
      refused.push({ path, reason: kinds[type] ?? `an entry of the unknown kind ${JSON.stringify(type)}` });
    } else if (path.startsWith('/') || path.split('/').includes('..')) {
      refused.push({ path, reason: 'a name that leads out of the archive' });
    } else if (path.endsWith('.tar') && depth === deepest) {
      refused.push({ path, reason: `an archive within ${deepest} others` });
    } else if (path.endsWith('.tar')) {
      const inner = { first: start, end: start + size, prefix: `${path.slice(0, -4)}/`, depth: depth + 1 };
      await indexEntries(handle, { ...inner, files, refused });
    } else {
      files.push({ path, start, size });
    }
  }
}

/** The name that a GNU (`L`) or POSIX (`x`) extension gives the next entry. */
function readLongName(type: 'L' | 'x', contents: Buffer): string | null {
  if (type === 'L') return contents.toString('utf8').replace(/\0.*$/s, '');
  return /^\d+ path=(.*)$/m.exec(contents.toString('utf8'))?.[1] ?? null;
}

async function readExactly(handle: FileHandle, position: number, count: number, end: number): Promise<Buffer> {
  if (position + count > end) throw new ArchiveError(`the archive ends early, at byte ${end}`);
  const bytes = Buffer.alloc(count);
  const { bytesRead } = await handle.read(bytes, 0, count, position);
  if (bytesRead < count) throw new ArchiveError(`the archive ends early, at byte ${position + bytesRead}`);
  return bytes;
}
