/** Which candidates of a finished search are meant: its front, and what `--pick` says in words. */
import { GreedynasError } from '../errors.ts';
import { type CostName, parseFlops } from '../space/cost.ts';
import { parseParams } from '../space/flops.ts';
import { parseLatency } from '../space/latency.ts';
import { type Candidate, hasDiverged } from './evaluator.ts';
import { objectiveValues, paretoFront } from './objectives.ts';
import type { FoundPath, SearchResult } from './result.ts';

type Searched = Pick<SearchResult, 'candidates' | 'objectives'>;

/** What costs and scores need of a candidate; its path stays text, and is not looked at. */
function scored({ flops, params, latency, loss, top1 }: FoundPath): Candidate {
  const costs = { flops, params, ...(latency === undefined ? {} : { latency }) };
  return { path: [], ...costs, loss: loss ?? Number.NaN, top1: top1 ?? Number.NaN };
}

/** The ids of the front, the cheapest first. An id is the candidate's place in search.json, from 1. */
export function frontIds({ candidates, objectives }: Searched): number[] {
  const all = candidates.map(scored);
  const ids = new Map(all.map((candidate, index) => [candidate, index + 1]));
  return paretoFront(objectives, all).map((candidate) => ids.get(candidate)!);
}

/**
 * The ids that a text such as `best`, `knee,3` or `flops<300M` picks, each once and in its order.
 * @throws GreedynasError `usage` saying what is allowed, or that the search has no such candidate
 */
export function pickedIds(result: Searched, text: string): number[] {
  return [...new Set(text.split(',').map((word) => pickedId(result, word.trim())))];
}

function pickedId(result: Searched, word: string): number {
  const sound = result.candidates.flatMap((found, index) => (hasDiverged(scored(found)) ? [] : [{ found, index }]));
  const [best] = sound;
  if (best === undefined) throw new GreedynasError('usage', '--pick: every candidate of this search has diverged');
  if (word === 'best') return best.index + 1;
  if (word === 'knee') return kneeId(result);
  const limit = /^(flops|params|latency)(<=?)(.+)$/.exec(word);
  if (limit !== null) {
    const name = limit[1] as CostName;
    const most = parsers[name](limit[3]!);
    const within = sound.find(({ found }) => {
      const cost = found[name] ?? Number.POSITIVE_INFINITY;
      return limit[2] === '<' ? cost < most : cost <= most;
    });
    if (within !== undefined) return within.index + 1;
    const costs = sound.flatMap(({ found }) => found[name] ?? []);
    const known = costs.length === 0 ? `this search knows no ${name}` : `the least is ${Math.min(...costs)}`;
    throw new GreedynasError('usage', `--pick "${word}": no candidate of this search is within that (${known})`);
  }
  const last = result.candidates.length;
  const id = /^\d{1,9}$/.test(word) ? Number(word) : 0;
  if (id < 1 || id > last) {
    throw new GreedynasError(
      'usage',
      `--pick ${JSON.stringify(word.slice(0, 40))}, allowed: best, knee, flops<300M, params<5M, latency<80ms (or <=), an id from 1 to ${last} that --list shows, or several of these with commas between`,
    );
  }
  if (sound.some(({ index }) => index === id - 1)) return id;
  throw new GreedynasError('usage', `--pick ${id}: that candidate has diverged, it is no network for anyone`);
}

const parsers: Readonly<Record<CostName, (text: string) => number>> = {
  flops: parseFlops,
  params: parseParams,
  latency: parseLatency,
};

/**
 * The id of the front's knee: the point farthest below the straight line between its cheapest and its dearest end, where
 * cost and error are normalised to 0 … 1 between these ends. The cost is the first that the search traded off, the error
 * 1 - top1, or the loss if that is what it traded off.
 */
function kneeId(result: Searched): number {
  const { objectives } = result;
  const cost = objectives.find((name) => name !== 'error' && name !== 'loss') ?? 'flops';
  const error = objectives.find((name) => name === 'error' || name === 'loss') ?? 'error';
  const points = frontIds(result).map((id) => {
    const [x, y] = objectiveValues([cost, error], scored(result.candidates[id - 1]!));
    return { id, x: x!, y: y! };
  });
  const [first, last] = [points[0]!, points.at(-1)!];
  // 0 on the line, 1 at the corner that costs what the cheapest and errs as the dearest.
  const below = points.map(({ id, x, y }) => ({
    id,
    depth: 1 - (x - first.x) / (last.x - first.x) - (y - last.y) / (first.y - last.y),
  }));
  // An end's own depth is 0 but for rounding.
  const inner = below.slice(1, -1).filter(({ depth }) => depth > 1e-9);
  const knee = inner.toSorted((a, b) => b.depth - a.depth)[0];
  if (knee !== undefined && last.x > first.x && first.y > last.y) return knee.id;
  throw new GreedynasError(
    'usage',
    `--pick knee: the front has no knee: none of its ${points.length} paths lies below the line between its ends. Pick one by its id`,
  );
}
