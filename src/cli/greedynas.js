#!/usr/bin/env node
/** The `greedynas` executable: lets Node read TypeScript where it does not by itself, then hands over to main.ts. */
import module from 'node:module';
import { availableParallelism } from 'node:os';

// What is compiled is kept for the next start. From Node 22.1.
module.enableCompileCache?.();
// What sharp does to images is done in libuv's threads, of which there are four if nothing is said before the first is needed: Node 20 has needed one by now.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));
await import('../typescript.js');
const { runProcess } = await import('./main.ts');
await runProcess();
