/** What a thread of record-pool.ts does: answers batches in the order that they come in, until it is sent null. */
import { parentPort, workerData } from 'node:worker_threads';
import { toSent } from '../errors.ts';
import { makeRecords } from './image-records.ts';
import type { FromRecordThread, RecordThreadData, ToRecordThread } from './record-pool.ts';
import { openReader } from './source-files.ts';

export async function serveRecords(): Promise<void> {
  const { source, options } = workerData as RecordThreadData;
  const port = parentPort!;
  const opening = openReader(source);
  // A failure is told to whoever sends the first batch.
  opening.catch(() => {});
  let answered: Promise<void> = Promise.resolve();
  port.on('message', (message: ToRecordThread | null) => {
    if (message === null) {
      port.close();
      void answered.then(() => opening).then((reader) => reader.close());
      return;
    }
    const answer = opening
      .then((reader) => makeRecords(reader, message.images, options))
      .then(
        (batch): FromRecordThread => ({ batch }),
        (error: unknown) => ({ error: toSent(error) }),
      );
    answered = answered.then(async () => {
      const result = await answer;
      port.postMessage(result, 'batch' in result ? [result.batch.records.buffer] : []);
    });
  });
}
