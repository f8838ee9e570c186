/** A thread of record-pool.ts: lets Node read TypeScript where it does not by itself, as the executable does, then works. */
if (!process.features.typescript || import.meta.url.includes('/node_modules/')) {
  const { register } = await import('tsx/esm/api');
  register();
}
const { serveRecords } = await import('./record-thread.ts');
await serveRecords();
