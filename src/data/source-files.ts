/** The files of a folder tree or of a tar archive, by relative path: what `prepare` and class-folder trees are read from. */
import { readFileSync, readSync } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GreedynasError } from '../errors.ts';
import { explained } from '../storage/durable.ts';
import { indexTar } from './tar-index.ts';

export interface SourceFile {
  /** Relative to the source, with `/`. */
  readonly path: string;
  readonly size: number;
  /** First byte in the archive; 0 in a folder. */
  readonly start: number;
}

/**
 * Reads a source's files. It blocks its thread: 0.01 ms for a small file, where each way that does not takes more of the processor than
 * all else that is done to a small image (0.1 ms, measured); whoever reads much does it in threads.
 */
export interface FileReader {
  read(file: SourceFile): Promise<Buffer>;
  close(): Promise<void>;
}

export interface FileSource extends FileReader {
  /** The folder or archive, for messages. */
  readonly name: string;
  /** Sorted by path. */
  readonly files: readonly SourceFile[];
  /** What is there but is not read: links out of the tree, devices; each with the reason. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

const byPath = (one: { path: string }, other: { path: string }): number => (one.path < other.path ? -1 : 1);

/** @throws GreedynasError `usage` if there is nothing at `path`, `io` if it cannot be read */
export async function openSource(path: string): Promise<FileSource> {
  return (await isFolder(path)) ? openFolder(path) : openArchive(path);
}

/** For files that `openSource` has listed, without listing them again. Errors as there. */
export async function openReader(path: string): Promise<FileReader> {
  return (await isFolder(path)) ? folderReader(path) : archiveReader(path);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found === null) {
    throw new GreedynasError(
      'usage',
      `${path}: nothing is there, allowed: a folder of images by class, or a tar of one`,
    );
  }
  return found.isDirectory();
}

async function openFolder(root: string): Promise<FileSource> {
  const files: SourceFile[] = [];
  const refused: { path: string; reason: string }[] = [];
  const visit = async (folder: string): Promise<void> => {
    const full = join(root, folder);
    const entries = await explained('list', full, () => readdir(full, { withFileTypes: true }));
    const plain: string[] = [];
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) plain.push(path);
      // Trees of links to the images are common; what they lead to is read, folders through links are not (they could be a circle).
      else if (entry.isSymbolicLink() && (await stat(join(root, path)).catch(() => null))?.isFile()) plain.push(path);
      else refused.push({ path, reason: entry.isSymbolicLink() ? 'a link that leads to no file' : 'no regular file' });
    }
    const sizes = await Promise.all(
      plain.map((path) => explained('read', join(root, path), () => stat(join(root, path)))),
    );
    for (const [index, path] of plain.entries()) files.push({ path, size: sizes[index]!.size, start: 0 });
  };
  await visit('');
  return {
    name: root,
    files: files.sort(byPath),
    refused: refused.sort(byPath),
    ...folderReader(root),
  };
}

function folderReader(root: string): FileReader {
  return {
    read: ({ path }) => explained('read', join(root, path), async () => readFileSync(join(root, path))),
    close: async () => {},
  };
}

async function openArchive(archive: string): Promise<FileSource> {
  const { files, refused } = await indexTar(archive);
  // An archive usually has one folder at its top, named after the set.
  const top = commonTop(files.map(({ path }) => path));
  const shortened = files.map((file) => ({ ...file, path: file.path.slice(top.length) }));
  return {
    name: archive,
    files: shortened.sort(byPath),
    refused: [...refused].sort(byPath),
    ...(await archiveReader(archive)),
  };
}

async function archiveReader(archive: string): Promise<FileReader> {
  const handle: FileHandle = await explained('open', archive, () => open(archive, 'r'));
  return {
    async read({ start, size }) {
      const bytes = Buffer.alloc(size);
      const bytesRead = await explained('read', archive, async () => readSync(handle.fd, bytes, 0, size, start));
      return bytes.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

/** The folder that all paths begin with, with its slash, if the classes lie below it; else nothing. */
function commonTop(paths: readonly string[]): string {
  const top = paths[0]?.split('/')[0];
  if (top === undefined || top === 'train' || !paths.every((path) => path.startsWith(`${top}/`))) return '';
  return paths.some((path) => path.split('/').length > 2) ? `${top}/` : '';
}
