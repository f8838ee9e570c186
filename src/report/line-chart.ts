/** Line charts and scatter plots as SVG text, without a library: axes, ticks, a legend. */
import { roundTicks } from './axis.ts';

export interface Series {
  readonly name: string;
  /** [x, y], in the order in which they are joined. */
  readonly points: readonly (readonly [number, number])[];
}

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** The x axis is logarithmic; all x must be above 0. Default false. */
  readonly logarithmic?: boolean;
  /** `lines` joins the points; `points` draws a dot for each. Default lines. */
  readonly marks?: 'lines' | 'points';
}

const size = { width: 720, height: 440, left: 70, right: 20, top: 36, bottom: 52 } as const;
/** Okabe and Ito's colours, which people with any colour vision tell apart. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Powers of ten, and 2 and 5 times them, within [low, high]. */
export function logarithmicTicks(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found;
}

function extent(values: readonly number[]): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/** Throws RangeError where there is no point to draw, or one that is not finite. */
export function drawChart({ title, x, y, series, logarithmic = false, marks = 'lines' }: ChartOptions): string {
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) throw new RangeError(`"${title}" has no point to draw`);
  const bad = points.find(([a, b]) => !Number.isFinite(a) || !Number.isFinite(b) || (logarithmic && a <= 0));
  if (bad !== undefined) throw new RangeError(`"${title}": [${bad.join(', ')}] cannot be drawn`);
  const scaleX = logarithmic ? Math.log10 : (value: number) => value;
  const [lowX, highX] = extent(points.map(([value]) => value));
  const [lowY, highY] = extent(points.map(([, value]) => value));
  const placeX = (value: number): number =>
    size.left +
    ((scaleX(value) - scaleX(lowX)) / (scaleX(highX) - scaleX(lowX))) * (size.width - size.left - size.right);
  const placeY = (value: number): number =>
    size.height - size.bottom - ((value - lowY) / (highY - lowY)) * (size.height - size.top - size.bottom);
  const at = (value: number): string => value.toFixed(1);
  const bottom = size.height - size.bottom;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${size.height}" fill="#fff"/>`,
    `<text x="${size.left}" y="20" font-size="14">${escapeText(title)}</text>`,
    `<text x="${(size.left + size.width - size.right) / 2}" y="${size.height - 12}" text-anchor="middle">${escapeText(x)}</text>`,
    `<text transform="translate(16 ${(size.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeText(y)}</text>`,
  ];
  const ticksX = logarithmic ? { values: logarithmicTicks(lowX, highX), format: String } : roundTicks(lowX, highX, 6);
  for (const value of ticksX.values) {
    parts.push(
      `<line x1="${at(placeX(value))}" x2="${at(placeX(value))}" y1="${size.top}" y2="${bottom}" stroke="#ddd"/>`,
      `<text x="${at(placeX(value))}" y="${bottom + 18}" text-anchor="middle">${ticksX.format(value)}</text>`,
    );
  }
  const ticksY = roundTicks(lowY, highY, 6);
  for (const value of ticksY.values) {
    parts.push(
      `<line x1="${size.left}" x2="${size.width - size.right}" y1="${at(placeY(value))}" y2="${at(placeY(value))}" stroke="#ddd"/>`,
      `<text x="${size.left - 6}" y="${at(placeY(value) + 4)}" text-anchor="end">${ticksY.format(value)}</text>`,
    );
  }
  for (const [index, { name, points: own }] of series.entries()) {
    const colour = colours[index % colours.length]!;
    if (marks === 'lines') {
      const path = own.map(([a, b]) => `${at(placeX(a))},${at(placeY(b))}`).join(' ');
      parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="1.8" points="${path}"/>`);
    } else {
      for (const [a, b] of own) {
        parts.push(`<circle cx="${at(placeX(a))}" cy="${at(placeY(b))}" r="1.5" fill="${colour}" fill-opacity="0.5"/>`);
      }
    }
    const line = bottom - 12 - 16 * (series.length - 1 - index);
    parts.push(
      `<rect x="${size.width - size.right - 190}" y="${line - 8}" width="12" height="4" fill="${colour}"/>`,
      `<text x="${size.width - size.right - 172}" y="${line}">${escapeText(name)}</text>`,
    );
  }
  return `${parts.join('\n')}\n</svg>\n`;
}
