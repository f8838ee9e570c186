/** The engine of all tests that run TensorFlow: its options are fixed for a process, and mocha runs all files in one. */
import { type EngineOptions, loadAddon } from '../../src/engine/addon.ts';
import type { Binding } from '../../src/engine/binding.ts';
import { openSession, type Session } from '../../src/engine/session.ts';
import type { Graph } from '../../src/graph/graph.ts';

/** oneDNN is on because its layout pass is what aborts on unknown ranks. */
export const engine: EngineOptions = { threads: 2, onednn: true, deterministic: true };

export function engineBinding(): Binding {
  return loadAddon(engine);
}

export function openGraph(graph: Graph): Session {
  return openSession(engineBinding(), graph.encode());
}
