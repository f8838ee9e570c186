/**
 * Latencies as users write them (80ms, 0.08s, 800us), as whole numbers that can be added exactly, and as part of a space.
 *
 * Why a limit is never exceeded: an entry counts as the least whole number of nanoseconds that is not below it, a limit as
 * the greatest that is not above it. Where the rounded entries of a path sum to at most the rounded limit, so do the
 * entries themselves. A path that keeps the limit by less than a nanosecond for each of its parts may be left out; no
 * measurement resolves that.
 */
import { GreedynasError } from '../errors.ts';
import type { Latency, Space } from './space.ts';

/** Milliseconds of each unit. */
const units: Readonly<Record<string, number>> = { s: 1e3, ms: 1, us: 1e-3, µs: 1e-3 };

/** What `parseLatency` takes, for messages. */
const allowedLatency = 'a time above 0 with its unit (s, ms or us), such as 80ms, 0.08s or 800us';

/** Milliseconds of a text such as `80ms`. Throws a usage error on anything else, a bare number included, and on zero. */
export function parseLatency(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,12})?)\s*(s|ms|us|µs)$/i.exec(text.trim().slice(0, 64));
  // Divided, not multiplied by 0.001: 800us is then the double nearest to 0.8.
  const value = match === null ? Number.NaN : Number(match[1]);
  const unit = units[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN;
  const milliseconds = unit < 1 ? value / Math.round(1 / unit) : value * unit;
  if (milliseconds > 0 && milliseconds <= longest) return milliseconds;
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw new GreedynasError('usage', `latency: ${JSON.stringify(shown)}, allowed: ${allowedLatency}`);
}

/** Four significant digits with a unit: 80ms, 7.713ms, 854.1us, 1.2s. */
export function formatLatency(milliseconds: number): string {
  const digits = (value: number): string => String(Number(value.toPrecision(4)));
  // 0.99995 of a unit would be printed as 1000 of the smaller one.
  if (milliseconds >= 999.95) return `${digits(milliseconds / 1e3)}s`;
  if (milliseconds >= 0.99995 || milliseconds === 0) return `${digits(milliseconds)}ms`;
  return `${digits(milliseconds * 1e3)}us`;
}

/** Longest latency of a part, in milliseconds: a hundred of these in nanoseconds still add up exactly. */
export const longest = 6e7;

/** The least whole number of nanoseconds that is not below this many milliseconds, from 0 to `longest`. */
export function nanosecondsAbove(milliseconds: number): number {
  const near = Math.round(milliseconds * 1e6);
  return near / 1e6 >= milliseconds ? near : near + 1;
}

/** The greatest whole number of nanoseconds that is not above this many milliseconds. */
export function nanosecondsBelow(milliseconds: number): number {
  const near = Math.round(milliseconds * 1e6);
  return near / 1e6 <= milliseconds ? near : near - 1;
}

/** The space with these latencies, or none. Throws RangeError where they are not those of its layers and operations. */
export function withLatency(space: Space, latency: Latency | null): Space {
  if (latency === null) return space;
  const { fixed, layers } = latency;
  const counts = space.layers.map(({ operations }) => operations.length).join();
  if (layers.map(({ length }) => length).join() !== counts) {
    throw new RangeError(`latencies of other layers and operations than those of space ${space.name}`);
  }
  for (const value of [fixed, ...layers.flat()]) {
    if (!(value >= 0 && value <= longest)) throw new RangeError(`a latency of ${value} ms, allowed: 0 to ${longest}`);
  }
  return { ...space, latency: { fixed, layers } };
}
