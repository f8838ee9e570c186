/** A network as an SVG picture in the manner of papers (ProxylessNAS, figure 7): a chain of blocks, coloured by kernel, tall by expansion. */
import { formatFlops } from '../space/cost.ts';
import { formatCount } from './format.ts';
import type { NetworkDescription } from './path-table.ts';

type Row = NetworkDescription['rows'][number];

/** Pixels. */
const size = { block: 30, gap: 20, margin: 24, top: 74, tallest: 150, dimensions: 84 } as const;

const kernelColours: Readonly<Record<number, string>> = { 1: '#d9d9d9', 3: '#9ecae1', 5: '#a1d99b', 7: '#fdae6b' };
const seColour = '#756bb1';

interface Block {
  readonly label: string;
  readonly kernel: number | null;
  readonly expansion: number;
  readonly se: boolean;
}

/** What a row's token says: `e6k5se`, `conv3`, `skip`, `linear`. */
function readBlock({ token, stride, inChannels, outChannels }: Row): Block {
  const bottleneck = /^e(\d+)k(\d+)(se)?$/.exec(token);
  if (bottleneck !== null) {
    const [, expansion, kernel, se] = bottleneck;
    const label = `MB${expansion} ${kernel}×${kernel}${se === undefined ? '' : ' SE'}`;
    return { label, kernel: Number(kernel), expansion: Number(expansion), se: se !== undefined };
  }
  const convolution = /^conv(\d+)$/.exec(token);
  if (convolution !== null) {
    const kernel = Number(convolution[1]);
    return { label: `Conv ${kernel}×${kernel}`, kernel, expansion: 2, se: false };
  }
  if (token === 'linear') return { label: 'Pooling FC', kernel: null, expansion: 2, se: false };
  const keeps = stride === 1 && inChannels === outChannels;
  return keeps
    ? { label: 'Identity', kernel: null, expansion: 1, se: false }
    : { label: 'Conv 1×1', kernel: 1, expansion: 1, se: false };
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x}" y="${y}"${more}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function upright(x: number, y: number, content: string, more: string): string {
  return text(x, y, content, ` transform="rotate(-90 ${x} ${y})" dominant-baseline="central"${more}`);
}

/** Between 46 % and all of the height: MB1 to MB6. */
function heightOf(expansion: number): number {
  return size.tallest * Math.min(1, 0.46 + 0.09 * expansion);
}

/** The picture as the text of an SVG file. */
export function drawNetwork(description: NetworkDescription): string {
  const { rows, name, space, flops, params, resolution } = description;
  const pitch = size.block + size.gap;
  const entries = legendEntries(rows.map(readBlock));
  const legendWidth = entries.reduce((sum, entry) => sum + entry.width, 0);
  const width = Math.max(2 * size.margin + (rows.length + 1) * pitch, 2 * size.margin + titleWidth + legendWidth);
  const height = size.top + size.tallest + size.dimensions + size.margin;
  const middle = size.top + size.tallest / 2;
  const parts: string[] = [
    text(size.margin, 28, name ?? space, ' font-size="18" font-weight="bold"'),
    text(
      size.margin,
      48,
      `${formatFlops(flops)} multiply-adds, ${formatCount(params)} parameters, ${resolution}×${resolution} px`,
      ' fill="#555"',
    ),
    ...legend(entries, width - size.margin - legendWidth),
  ];
  let x: number = size.margin;
  const arrow = (dimensions: string): void => {
    const end = x + size.gap;
    parts.push(
      `<path d="M${x} ${middle}H${end - 5}m0 -4l5 4l-5 4z" fill="#333" stroke="#333"/>`,
      upright(
        x + size.gap / 2,
        size.top + size.tallest + 10,
        dimensions,
        ' text-anchor="end" font-size="11" fill="#555"',
      ),
    );
    x = end;
  };
  parts.push(upright(x + 8, middle, 'image', ' text-anchor="middle" font-size="12"'));
  x += size.block - 6;
  arrow(`3×${resolution}×${resolution}`);
  for (const [index, row] of rows.entries()) {
    const block = readBlock(row);
    const tall = heightOf(block.expansion);
    const style =
      block.label === 'Identity'
        ? 'fill="white" stroke="#999" stroke-dasharray="4 3"'
        : `fill="${block.kernel === null ? '#f0f0f0' : (kernelColours[block.kernel] ?? '#dddddd')}" stroke="#333"`;
    const edge = block.se
      ? `<rect x="${x}" y="${middle - tall / 2}" width="${size.block}" height="7" fill="${seColour}" stroke="#333"/>`
      : '';
    parts.push(
      `<rect x="${x}" y="${middle - tall / 2}" width="${size.block}" height="${tall}" rx="2" ${style}/>${edge}`,
      upright(x + size.block / 2, middle + (block.se ? 3 : 0), block.label, ' text-anchor="middle" font-size="13"'),
    );
    x += size.block;
    if (index < rows.length - 1) arrow(`${row.outChannels}×${row.resolution}×${row.resolution}`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

/** Room for the two lines at the top left. */
const titleWidth = 400;

interface LegendEntry {
  readonly colour: string;
  readonly label: string;
  readonly width: number;
}

/** The colours that the picture has. */
function legendEntries(blocks: readonly Block[]): LegendEntry[] {
  const kernels = [3, 5, 7].filter((kernel) => blocks.some((block) => block.kernel === kernel));
  const entries = kernels.map((kernel) => ({
    colour: kernelColours[kernel]!,
    label: `kernel ${kernel}×${kernel}`,
    width: 100,
  }));
  const se = { colour: seColour, label: 'squeeze-and-excite', width: 140 };
  return blocks.some((block) => block.se) ? [...entries, se] : entries;
}

function legend(entries: readonly LegendEntry[], start: number): string[] {
  let x = start;
  return entries.flatMap(({ colour, label, width }) => {
    const at = x;
    x += width;
    return [
      `<rect x="${at}" y="17" width="12" height="12" fill="${colour}" stroke="#333"/>`,
      text(at + 18, 28, label, ' font-size="12"'),
    ];
  });
}
