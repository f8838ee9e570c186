/** A ranking as an SVG picture: each network's score against its truth, all networks on the left, the best ones on the right. */
import type { Estimate } from '../ranking/agreement.ts';
import type { RankedNetwork, RankResult } from '../ranking/result.ts';
import { parseScoreKind } from '../ranking/score-kind.ts';
import { largest } from '../statistics/best.ts';
import { roundTicks } from './axis.ts';
import { formatEstimate } from './ranking-summary.ts';

const panel = { width: 400, height: 340 } as const;
const margin = { top: 96, left: 66, between: 84, right: 28, bottom: 116 } as const;
const width = margin.left + 2 * panel.width + margin.between + margin.right;
const height = margin.top + panel.height + margin.bottom;
const ink = '#1f2933';
const faint = '#6b7785';
const accent = '#d1495b';

/** Dark to light, as FLOPs rise: viridis (Smith and van der Walt 2015) without its yellow end, which is too pale on white. */
const scale = ['#440154', '#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39'] as const;

function colourAt(share: number): string {
  const place = Math.max(0, Math.min(1, share)) * (scale.length - 1);
  const [one, other] = [scale[Math.floor(place)]!, scale[Math.ceil(place)]!];
  const part = (text: string, channel: number) => Number.parseInt(text.slice(1 + 2 * channel, 3 + 2 * channel), 16);
  const mixed = [0, 1, 2].map((channel) =>
    Math.round(part(one, channel) + (part(other, channel) - part(one, channel)) * (place % 1)),
  );
  return `rgb(${mixed.join(',')})`;
}

interface TextStyle {
  readonly size?: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly colour?: string;
  readonly bold?: boolean;
}

function escaped(value: string): string {
  return value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

function label(x: number, y: number, value: string, style: TextStyle = {}, transform = ''): string {
  const { size = 12, anchor = 'start', colour = ink, bold = false } = style;
  const weight = bold ? ' font-weight="600"' : '';
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${colour}"${weight}${transform}>${escaped(value)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${colour}"/>`;
}

/** A little room around the values, so that no point lies on the frame. */
function range(values: readonly number[]): { low: number; high: number } {
  const low = values.reduce((least, value) => Math.min(least, value));
  const high = values.reduce((most, value) => Math.max(most, value));
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  return { low: low - room, high: high + room };
}

interface Axes {
  readonly left: number;
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** Whether the x axis runs from high to low, for a loss: better is always to the right. */
  readonly reversed: boolean;
  readonly colour: (network: RankedNetwork) => string;
  readonly marked: readonly { readonly network: RankedNetwork; readonly text: string }[];
}

type Scored = RankedNetwork & { readonly score: number };

function scatter(networks: readonly Scored[], axes: Axes): string {
  const { left, reversed } = axes;
  const { top } = margin;
  const bottom = top + panel.height;
  const [across, up] = [range(networks.map(({ score }) => score)), range(networks.map(({ truth }) => truth))];
  const share = (value: number, { low, high }: { low: number; high: number }) => (value - low) / (high - low);
  const x = (value: number) => left + panel.width * (reversed ? 1 - share(value, across) : share(value, across));
  const y = (value: number) => bottom - panel.height * share(value, up);
  const parts = [label(left, top - 12, axes.title, { size: 13, bold: true })];
  const [columns, rows] = [roundTicks(across.low, across.high, 6), roundTicks(up.low, up.high, 6)];
  for (const value of columns.values) {
    parts.push(line(x(value), top, x(value), bottom, '#e8ecf0'));
    parts.push(label(x(value), bottom + 18, columns.format(value), { size: 11, anchor: 'middle', colour: faint }));
  }
  for (const value of rows.values) {
    parts.push(line(left, y(value), left + panel.width, y(value), '#e8ecf0'));
    parts.push(label(left - 8, y(value) + 4, rows.format(value), { size: 11, anchor: 'end', colour: faint }));
  }
  parts.push(line(left, bottom, left + panel.width, bottom, '#9aa5b1'), line(left, top, left, bottom, '#9aa5b1'));
  parts.push(label(left + panel.width / 2, bottom + 40, axes.xTitle, { anchor: 'middle' }));
  const middle = top + panel.height / 2;
  parts.push(
    label(left - 46, middle, axes.yTitle, { anchor: 'middle' }, ` transform="rotate(-90 ${left - 46} ${middle})"`),
  );
  const radius = networks.length > 1500 ? 2 : networks.length > 300 ? 2.8 : 3.6;
  for (const network of networks) {
    const place = `cx="${x(network.score).toFixed(1)}" cy="${y(network.truth).toFixed(1)}" r="${radius}"`;
    parts.push(
      `<circle ${place} fill="${axes.colour(network)}" fill-opacity="0.78"><title>${escaped(network.path)}: ${network.score.toFixed(4)}, ${network.truth.toFixed(3)}</title></circle>`,
    );
  }
  for (const { network, text } of axes.marked) {
    if (network.score === null) continue;
    const [cx, cy] = [x(network.score), y(network.truth)];
    const rightHalf = cx > left + panel.width / 2;
    const words = { size: 11, colour: accent, anchor: rightHalf ? 'end' : 'start', bold: true } as const;
    parts.push(
      `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="6.5" fill="none" stroke="${accent}" stroke-width="1.6"/>`,
    );
    parts.push(
      `<g paint-order="stroke" stroke="white" stroke-width="3" stroke-linejoin="round">${label(cx + (rightHalf ? -11 : 11), cy + 4, text, words)}</g>`,
    );
  }
  return parts.join('\n');
}

/** The bar that says which colour means how many FLOPs. */
function legend(low: number, high: number): string {
  const [x, y, length] = [width - margin.right - 284, 26, 140];
  const stops = scale.map((colour, index) => `<stop offset="${index / (scale.length - 1)}" stop-color="${colour}"/>`);
  return [
    `<defs><linearGradient id="flops">${stops.join('')}</linearGradient></defs>`,
    label(x, y + 9, 'FLOPs', { size: 11, colour: faint }),
    label(x + 88, y + 9, `${(low / 1e6).toFixed(0)}M`, { size: 11, colour: faint, anchor: 'end' }),
    `<rect x="${x + 96}" y="${y}" width="${length}" height="10" rx="2" fill="url(#flops)"/>`,
    label(x + 104 + length, y + 9, `${(high / 1e6).toFixed(0)}M`, { size: 11, colour: faint }),
  ].join('\n');
}

/** A whole SVG document. Networks without a finite score are left out, which the foot says. */
export function rankingPlot(result: RankResult): string {
  const kind = parseScoreKind('score', result.score, 1);
  const networks = result.ranked.filter((network): network is Scored => network.score !== null);
  if (networks.length === 0) return document(label(margin.left, 48, 'No network has a finite score.', { size: 16 }));
  const best = largest(
    networks.map(({ truth }) => truth),
    Math.max(1, Math.ceil(result.topShare * networks.length)),
  ).map((index) => networks[index]!);
  const flops = networks.map((network) => network.flops);
  const [low, high] = [Math.min(...flops), Math.max(...flops)];
  // FLOPs spread over orders of magnitude: equal ratios are equal steps of colour.
  const colour = (network: RankedNetwork) =>
    colourAt(high > low ? Math.log(network.flops / low) / Math.log(high / low) : 0);
  const truth = result.table === null ? parseScoreKind('against', result.against, 1) : null;
  const common = {
    xTitle: `${kind.measure === 'loss' ? 'Loss' : 'Top-1 accuracy, %,'} on ${kind.images} held-out images (better →)`,
    yTitle:
      truth === null
        ? 'True accuracy, %'
        : `${truth.measure === 'loss' ? '−loss' : 'Top-1, %'}, ${truth.images} images`,
    reversed: kind.measure === 'loss',
    colour,
  };
  const isThere = (network: RankedNetwork) => best.some(({ path }) => path === network.path);
  const marked = [
    { network: result.best.true, text: 'best' },
    { network: result.best.predicted, text: 'predicted best' },
  ];
  const correlations = ({ spearman, kendall }: { spearman: Estimate; kendall: Estimate }) =>
    `Spearman ${formatEstimate(spearman)}, Kendall ${formatEstimate(kendall)}`;
  const second = margin.left + panel.width + margin.between;
  const baselines = (which: 'overall' | 'top') =>
    [
      `FLOPs alone: Kendall ${formatEstimate(result.flops[which].kendall)}`,
      ...(result.seeds === null ? [] : [`another training: Kendall ${formatEstimate(result.seeds[which].kendall)}`]),
    ].map((text, line) => label(which === 'top' ? second : margin.left, height - 34 + 18 * line, text, foot));
  const foot = { size: 11, colour: faint };
  return document(
    [
      label(margin.left, 34, `${result.run}, step ${result.step}`, { size: 18, bold: true }),
      label(
        margin.left,
        56,
        `${result.networks} distinct networks of ${result.space} against ${result.table === null ? result.against : 'NAS-Bench-Macro'}${result.diverged > 0 ? ` (${result.diverged} without a finite score are left out)` : ''}`,
        { colour: faint },
      ),
      scatter(networks, {
        ...common,
        left: margin.left,
        title: 'All networks',
        // Where points are many, words stand only for what the other panel lacks.
        marked: marked.map((mark) => (isThere(mark.network) ? { ...mark, text: '' } : mark)),
      }),
      scatter(best, {
        ...common,
        left: second,
        title: `The best ${Math.round(100 * result.topShare)} %`,
        marked: marked.filter(({ network }) => isThere(network)),
      }),
      legend(low, high),
      label(margin.left, height - 54, correlations(result.supernet.overall), { size: 12, bold: true }),
      label(second, height - 54, correlations(result.supernet.top), { size: 12, bold: true }),
      ...baselines('overall'),
      ...baselines('top'),
    ].join('\n'),
  );
}

function document(content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif">
<rect width="100%" height="100%" fill="white"/>
${content}
</svg>
`;
}
