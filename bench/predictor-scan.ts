/**
 * Speed of WeakNAS' predictor (four layers of 1000 units) scanning NAS-Bench-101's encoding, against a plain matrix
 * product of the same size, in strict turns. Run alone: node --import tsx bench/predictor-scan.ts
 */
import { loadAddon } from '../src/engine/addon.ts';
import { createMlp } from '../src/predictors/mlp.ts';
import { createStream } from '../src/random/stream.ts';
import { plainProduct } from './peers/product.ts';

const threads = 1;
const width = 45;
const units = 1000;
const rows = 2048;
const turns = 12;

const binding = loadAddon({ threads, onednn: true, deterministic: true });
const stream = createStream(1, 'bench');
const bits = Uint8Array.from({ length: rows * width }, () => stream.integer(2));
const mlp = createMlp<number>(binding, {
  width,
  write: (network, into, offset) => into.set(bits.subarray(network * width, (network + 1) * width), offset),
});
const networks = Int32Array.from({ length: rows }, (_, row) => row);
mlp.fit(
  Array.from({ length: 20 }, (_, row) => row),
  Array.from({ length: 20 }, () => stream.uniform()),
  1,
);

const plain = plainProduct(binding, rows, units, units);

/** Seconds of processor time, which other programs on the machine do not change as they do wall time. */
function timed(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const scan = () => mlp.predict(networks);
const multiply = () => {
  for (let time = 0; time < 3; time++) plain.multiply();
};
scan();
multiply();
const scans: number[] = [];
const products: number[] = [];
for (let turn = 0; turn < turns; turn++) {
  scans.push(timed(scan));
  products.push(timed(multiply));
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const scanFlops = 2 * rows * (width * units + 3 * units * units + units);
const productFlops = 3 * plain.operations;
const [scanSpeed, productSpeed] = [scanFlops / median(scans) / 1e9, productFlops / median(products) / 1e9];
process.stdout.write(
  `${threads} thread, ${turns} turns, medians, per second of processor time:\n` +
    `  scan of ${rows} cells: ${scanSpeed.toFixed(0)} GFLOP (encoding included)\n` +
    `  plain product ${rows} x ${units} x ${units}: ${productSpeed.toFixed(0)} GFLOP\n` +
    `  ratio ${(scanSpeed / productSpeed).toFixed(2)}; all 423,624 cells: ${((423_624 / rows) * median(scans)).toFixed(1)} s\n`,
);
