/**
 * Makes records in threads, each with a small heap of its own: decoded pixels lie outside V8's heap, and whenever they add up V8 marks all of it,
 * which beside the whole program took a sixth of the time (measured).
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { fromSent, type SentError } from '../errors.ts';
import type { RecordBatch, RecordOptions } from './image-records.ts';
import { openReader } from './source-files.ts';
import type { LabelledFile } from './source-layout.ts';

export interface RecordPool {
  /** Batches that it works on at once. */
  readonly width: number;
  /**
   * @throws GreedynasError `io` for a file that cannot be read
   */
  make(images: readonly LabelledFile[]): Promise<RecordBatch>;
  /** Waits for what is being worked on. */
  close(): Promise<void>;
}

/** What a thread is started with. */
export interface RecordThreadData {
  readonly source: string;
  readonly options: RecordOptions;
}

export interface ToRecordThread {
  readonly images: readonly LabelledFile[];
}

export type FromRecordThread = { readonly batch: RecordBatch } | { readonly error: SentError };

/** @param threads 0: none, the work is done in this one */
export async function openRecordPool(source: string, options: RecordOptions, threads: number): Promise<RecordPool> {
  const { make, close } = await (threads === 0 ? workHere(source, options) : startThreads(source, options, threads));
  const restoreSharp = await sharpForMany();
  // Each works on two batches, so that it has something to do at the end of one.
  const width = 2 * Math.max(1, threads);
  return {
    width,
    make,
    async close() {
      await close();
      restoreSharp();
    },
  };
}

/** Its settings hold for the whole process. */
async function sharpForMany(): Promise<() => void> {
  const { default: sharp } = await import('sharp');
  const [threads, { memory, files, items }] = [sharp.concurrency(), sharp.cache()];
  // Several images side by side: its own threads within an image would only wait for each other.
  sharp.concurrency(1);
  // No image comes twice; keeping what was done costs a twentieth of the time (measured).
  sharp.cache(false);
  return () => {
    sharp.concurrency(threads);
    sharp.cache({ memory: memory.max, files: files.max, items: items.max });
  };
}

async function workHere(source: string, options: RecordOptions): Promise<Omit<RecordPool, 'width'>> {
  const { makeRecords } = await import('./image-records.ts');
  const reader = await openReader(source);
  return { make: (images) => makeRecords(reader, images, options), close: () => reader.close() };
}

async function startThreads(
  source: string,
  options: RecordOptions,
  threads: number,
): Promise<Omit<RecordPool, 'width'>> {
  const [first, ...others] = Array.from({ length: threads }, () => startThread({ source, options }));
  return {
    make: (images) =>
      others.reduce((least, thread) => (thread.load() < least.load() ? thread : least), first!).make(images),
    async close() {
      await Promise.all([first!, ...others].map((thread) => thread.close()));
    },
  };
}

interface RecordThread {
  load(): number;
  make(images: readonly LabelledFile[]): Promise<RecordBatch>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (batch: RecordBatch) => void;
  readonly reject: (error: Error) => void;
}

function startThread(workerData: RecordThreadData): RecordThread {
  // It sees to its loading of TypeScript itself.
  const worker = new Worker(new URL('./record-thread.js', import.meta.url), { workerData, execArgv: [] });
  const ended = once(worker, 'exit').catch(() => {});
  let failure: Error | null = null;
  // A thread answers in the order it was asked in.
  const waiting: Waiting[] = [];
  const fail = (error: Error): void => {
    // What it died of comes before that it ended.
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (message: FromRecordThread) => {
    const { resolve, reject } = waiting.shift()!;
    if ('batch' in message) resolve(message.batch);
    else reject(fromSent(message.error));
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`a thread that makes records ended with exit code ${code}`)));
  return {
    load: () => waiting.length,
    make: (images) =>
      new Promise((resolve, reject) => {
        if (failure !== null) {
          reject(failure);
          return;
        }
        waiting.push({ resolve, reject });
        worker.postMessage({ images } satisfies ToRecordThread);
      }),
    async close() {
      worker.postMessage(null);
      await ended;
    },
  };
}
