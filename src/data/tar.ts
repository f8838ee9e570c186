/**
 * Reads named files out of a gzipped tar archive (POSIX ustar) as it streams by. npm brings `tar` along only by way of another package, and
 * the system's `tar` needs a place to unpack to; what npm packs needs no more than this.
 */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export const blockBytes = 512;

/** The bytes of an archive that cannot be read; the message says where. */
export class ArchiveError extends Error {}

/** Of a wanted file, which is gathered in memory: an archive of a few megabytes can hold far more. */
const longestFile = 2 ** 28;

/**
 * Yields the `wanted` entries (whole names, such as `package/a.png`) in the archive's order.
 *
 * @throws ArchiveError if the archive is damaged, ends early, or lacks a wanted file or has it twice.
 */
export async function* readTarGz(
  archive: Uint8Array,
  wanted: readonly string[],
): AsyncGenerator<{ name: string; bytes: Buffer }, void, undefined> {
  // Large pieces: with zlib's default of 16 KB the hand-over costs more than the inflating.
  const gunzip = createGunzip({ chunkSize: 1 << 20 });
  const source = Readable.from([archive]);
  source.pipe(gunzip);
  const reader = createReader(gunzip);
  const missing = new Set(wanted);
  try {
    while (true) {
      const header = await reader.take(blockBytes);
      if (header.every((byte) => byte === 0)) break;
      const { name, size, isFile } = parseHeader(header, reader.offset() - blockBytes);
      const padding = (blockBytes - (size % blockBytes)) % blockBytes;
      if (isFile && wanted.includes(name)) {
        if (!missing.delete(name)) throw new ArchiveError(`${name} is in the archive twice`);
        if (size > longestFile) throw new ArchiveError(`${name} has ${size} bytes, more than ${longestFile}`);
        yield { name, bytes: await reader.take(size) };
        await reader.skip(padding);
      } else {
        await reader.skip(size + padding);
      }
    }
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    const isZlib = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isZlib ? new ArchiveError(`gzip: ${error.message}`, { cause: error }) : error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (missing.size > 0) throw new ArchiveError(`${[...missing].join(', ')} not in the archive`);
}

export interface TarHeader {
  readonly name: string;
  readonly size: number;
  readonly isFile: boolean;
  /** The letter of the entry's kind: `0` a file, `1` and `2` links, `5` a folder, `L` and `x` a long name for the next entry. */
  readonly type: string;
}

/** A header block. @throws ArchiveError if it is none; `offset` only names it in the message */
export function parseHeader(header: Buffer, offset: number): TarHeader {
  const text = (start: number, end: number) => header.toString('utf8', start, end).replace(/\0.*$/s, '');
  const octal = (start: number, end: number, what: string) => {
    const digits = text(start, end).trim();
    if (!/^[0-7]+$/.test(digits))
      throw new ArchiveError(`byte ${offset}: the ${what} of a tar header is not an octal number`);
    return Number.parseInt(digits, 8);
  };
  // The checksum is the sum of the header's bytes, with its own eight counted as spaces.
  let sum = 8 * 0x20;
  for (const [position, byte] of header.entries()) if (position < 148 || position >= 156) sum += byte;
  if (octal(148, 156, 'checksum') !== sum) throw new ArchiveError(`byte ${offset}: wrong checksum of a tar header`);

  const prefix = text(345, 500);
  const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const type = header[156] === 0 ? '0' : String.fromCharCode(header[156]!);
  // GNU writes 8 GB and more as a big-endian number behind a set first bit.
  const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : octal(124, 136, 'size');
  if (!Number.isSafeInteger(size)) throw new ArchiveError(`byte ${offset}: the size of a tar header is ${size} bytes`);
  return { name, size, isFile: type === '0', type };
}

interface Reader {
  take(count: number): Promise<Buffer>;
  skip(count: number): Promise<void>;
  /** Bytes taken or skipped so far. */
  offset(): number;
}

function createReader(chunks: AsyncIterable<Buffer>): Reader {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;

  /** Hands `count` bytes over in pieces, without gathering them. */
  const pass = async (count: number, piece: (bytes: Buffer) => void) => {
    let open = count;
    while (open > 0) {
      if (rest.length === 0) {
        const next = await iterator.next();
        if (next.done === true) throw new ArchiveError(`the archive ends early, at unpacked byte ${offset}`);
        rest = next.value;
      }
      const part = rest.subarray(0, open);
      rest = rest.subarray(part.length);
      open -= part.length;
      offset += part.length;
      piece(part);
    }
  };

  return {
    async take(count) {
      const pieces: Buffer[] = [];
      await pass(count, (bytes) => pieces.push(bytes));
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, count);
    },
    skip: (count) => pass(count, () => {}),
    offset: () => offset,
  };
}
