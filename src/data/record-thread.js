/** A thread of record-pool.ts, as Node can start it. */
import '../typescript.js';

const { serveRecords } = await import('./record-thread.ts');
await serveRecords();
