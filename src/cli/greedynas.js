#!/usr/bin/env node
/** The `greedynas` executable: lets Node read TypeScript where it does not by itself, then hands over to main.ts. */
import module from 'node:module';
import { availableParallelism } from 'node:os';

// What is compiled is kept for the next start. From Node 22.1.
module.enableCompileCache?.();
// Images are converted in libuv's threads, of which there are four if nothing is said before the first is needed: Node 20 has needed one by now.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));
// Node strips types from 22.18, a fifth of a second sooner than tsx; but not of files in node_modules, where an installed greedynas lies.
if (!process.features.typescript || import.meta.url.includes('/node_modules/')) {
  const { register } = await import('tsx/esm/api');
  register();
}
const { runProcess } = await import('./main.ts');
await runProcess();
