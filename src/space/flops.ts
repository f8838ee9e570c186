/** FLOPs and parameters as users write them (330M, 0.33G, 330000000), and FLOPs as reports print them. */
import { GreedynasError } from '../errors.ts';

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/**
 * Multiply-adds of a text such as `330M`, `0.33G` or `330000000`, rounded to a whole number. Throws a usage error on
 * anything else, on zero, and above 2^53.
 */
export function parseFlops(text: string): number {
  return parseCount(text, 'FLOPs', allowedFlops);
}

/** Parameters of a text such as `5M` or `5000000`. Throws as `parseFlops` does. */
export function parseParams(text: string): number {
  return parseCount(text, 'parameters', allowedParams);
}

function parseCount(text: string, what: string, allowed: string): number {
  const match = /^(\d{1,20}(?:\.\d{1,20})?)([KMGT]?)$/i.exec(text.trim().slice(0, 64));
  const count = match === null ? Number.NaN : Math.round(Number(match[1]) * units[match[2]!.toUpperCase()]!);
  if (!(Number.isSafeInteger(count) && count > 0)) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    throw new GreedynasError('usage', `${what}: ${JSON.stringify(shown)}, allowed: ${allowed}`);
  }
  return count;
}

/** What `parseFlops` takes, for messages. */
export const allowedFlops = 'a number of multiply-adds above 0, such as 330M, 0.33G or 330000000';

const allowedParams = 'a number of parameters above 0, such as 5M or 5000000';

/** Four significant digits and a unit: 330M, 323.5M, 7.713M, 854. Reads back within 0.05 %. */
export function formatFlops(flops: number): string {
  let [unit, divisor] = ['', 1];
  for (const [name, size] of Object.entries(units)) {
    // 999.95 of a unit would be printed as 1000 of it.
    if (flops >= 0.99995 * size) [unit, divisor] = [name, size];
  }
  return `${Number((flops / divisor).toPrecision(4))}${unit}`;
}
