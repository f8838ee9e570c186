#!/usr/bin/env node
/** The `greedynas` executable: lets Node read TypeScript, then hands over to main.ts. */
import { register } from 'tsx/esm/api';

register();
const { runProcess } = await import('./main.ts');
await runProcess();
