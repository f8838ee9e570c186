/**
 * The demo page of a tfjs export in a real browser, headless: real images go through its file chooser, and what it shows and
 * computes is held against our own network. By hand, since it needs Chromium (Debian: apt-get install chromium).
 *
 *     node --import tsx test/by-hand/check-demo.ts checkpoints/default/subnets/12M-1 [data] [images]
 *
 * CHROMIUM names the browser's program. The results of one machine stand in docs/results/export.md.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { takeStack } from '../../src/data/batches.ts';
import { loadCifar10 } from '../../src/data/cifar10.ts';
import { exportSubnet } from '../../src/export/export-subnet.ts';
import { readSubnet } from '../../src/supernet/subnet.ts';
import { compareLogits, referenceLogits } from '../export/small-subnet.ts';
import { engine } from '../graph/engine.ts';

const [subnet, data = 'data', count = '256'] = process.argv.slice(2);
const chromium = process.env.CHROMIUM ?? 'chromium';
const folder = mkdtempSync(join(tmpdir(), 'greedynas-demo-'));

const resultSchema = z.union([
  z.strictObject({ error: z.string() }),
  z.strictObject({
    backend: z.string(),
    browser: z.string(),
    looked: z.array(
      z.strictObject({
        status: z.string(),
        top: z.string().optional(),
        shown: z.int().optional(),
        logits: z.array(z.number()).optional(),
        /** Red, green, blue and opacity of the canvas that the network looks at. */
        pixels: z.array(z.int()).optional(),
      }),
    ),
  }),
]);
type Result = z.infer<typeof resultSchema>;

/** Serves the export, the page that drives it and the files, until the browser reports its result. */
async function browse(exported: string, files: ReadonlyMap<string, Uint8Array>): Promise<Result> {
  let report: (result: Result) => void = () => undefined;
  const reported = new Promise<Result>((done) => {
    report = done;
  });
  const server = createServer(async (request, response) => {
    const name = basename(request.url ?? '');
    if (request.method === 'POST') {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      response.end();
      report(resultSchema.parse(JSON.parse(body)));
      return;
    }
    const type = name.endsWith('.html') ? 'text/html' : name.endsWith('.js') ? 'text/javascript' : 'application/json';
    try {
      const bytes =
        files.get(name) ??
        (name === 'check-demo.html'
          ? readFileSync(new URL('./check-demo.html', import.meta.url))
          : await readFile(join(exported, name)));
      response.writeHead(200, { 'content-type': type }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const flags = [
    '--headless',
    '--no-sandbox',
    '--enable-unsafe-swiftshader',
    `--user-data-dir=${join(folder, 'user')}`,
  ];
  const browser = spawn(chromium, [...flags, `http://127.0.0.1:${port}/check-demo.html`], { stdio: 'ignore' });
  const ended = new Promise<never>((_, fail) => {
    browser.once('error', fail);
    browser.once('exit', (code) => fail(new Error(`${chromium} ended with ${code} before it had a result`)));
  });
  try {
    return await Promise.race([reported, ended]);
  } finally {
    ended.catch(() => undefined);
    browser.removeAllListeners('exit');
    const gone = new Promise((done) => browser.once('exit', done));
    if (browser.exitCode === null && browser.kill()) await gone;
    server.close();
  }
}

/** Of a canvas, which has opacity, and an image that has none; NaN where they have other sizes. */
function meanDifference(canvas: readonly number[], image: Uint8Array): number {
  const colours = canvas.filter((_, index) => index % 4 < 3);
  if (colours.length !== image.length) return Number.NaN;
  return colours.reduce((sum, value, index) => sum + Math.abs(value - image[index]!), 0) / colours.length;
}

async function main(): Promise<void> {
  if (subnet === undefined) throw new Error('give the folder of a subnet');
  const description = await readSubnet(subnet);
  const { origin, classNames, space } = description;
  const side = space.resolution;
  const set = await loadCifar10({ directory: data, validationImages: origin.heldOut, seed: origin.seed });
  const batch = takeStack(set.validation, Number(count), origin.seed);
  const images = batch.labels.length;
  const expected = referenceLogits(subnet, description, batch);
  const size = side * side * 3;
  const raw = { width: side, height: side, channels: 3 as const };
  const files = new Map<string, Uint8Array>();
  for (let index = 0; index < images; index++) {
    const pixels = batch.images.subarray(index * size, (index + 1) * size);
    files.set(`${index}.png`, await sharp(pixels, { raw }).png().toBuffer());
  }
  // Then the first again, in the middle of a wide JPEG, six times as large; and what is no image.
  const first = sharp(batch.images.subarray(0, size), { raw });
  const large = await first
    .resize(6 * side, 6 * side, { kernel: 'nearest' })
    .png()
    .toBuffer();
  const wide = sharp(large).extend({ left: 3 * side, right: 3 * side, background: '#888' });
  files.set('wide.jpg', await wide.jpeg({ quality: 98, chromaSubsampling: '4:4:4' }).toBuffer());
  files.set('broken.png', Buffer.from('this is no image'));
  files.set('names.json', Buffer.from(JSON.stringify([...files.keys()])));

  for (const fold of [false, true]) {
    const out = join(folder, fold ? 'folded' : 'plain');
    await exportSubnet({ subnet, format: 'tfjs', fold, target: 'any', out, version: 'check', engine });
    const result = await browse(out, files);
    if ('error' in result) throw new Error(`in the browser: ${result.error}`);
    const { looked, backend, browser } = result;
    const [wideLook, brokenLook] = looked.slice(images);
    const logits = looked.slice(0, images).flatMap(({ logits: each }) => each ?? [Number.NaN]);
    const { largest, otherTop1 } = compareLogits(logits, expected, space.classes);
    const topOf = (index: number): string | undefined => {
      const own = expected.subarray(index * space.classes, (index + 1) * space.classes);
      return classNames[own.indexOf(Math.max(...own))];
    };
    const otherShown = looked.slice(0, images).filter(({ top }, index) => top !== topOf(index)).length;
    console.log(`tfjs${fold ? ' folded' : ''}, ${browser}, backend ${backend}: ${images} images`);
    console.log(
      `  largest difference ${largest.toExponential(1)}, other top-1 ${otherTop1}, other name shown ${otherShown}`,
    );
    const away = meanDifference(wideLook?.pixels ?? [], batch.images.subarray(0, size));
    console.log(
      `  its middle square out of a wide JPEG: ${away.toFixed(1)} of 255 away; no image: "${brokenLook?.status}"`,
    );
    const tolerance = fold ? 1e-3 : 1e-4;
    const refused = brokenLook?.top === undefined && /broken\.png cannot be shown/.test(brokenLook?.status ?? '');
    if (!(largest <= tolerance) || otherTop1 > 0 || otherShown > 0 || !(away < 10) || !refused) {
      process.exitCode = 1;
    }
  }
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
