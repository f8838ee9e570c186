/** Text tables as bytes, packed by gzip or not: 423,624 lines are read in tenths of a second, without a string a cell. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { GreedynasError } from '../errors.ts';
import { explainIo } from '../storage/durable.ts';

/** The bytes of a file, unpacked if its name ends in `.gz`. Throws `io` where it cannot be read or unpacked. */
export function readTable(file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw explainIo(error, 'read', file);
  }
  if (!file.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new GreedynasError('io', `${file}: is no whole gzip file. Get it anew.`, { cause });
  }
}

const lineEnd = 10;
const carriageReturn = 13;
const comma = 44;

export interface LineReader {
  /** Goes to the next line; false at the end of the file. */
  next(): boolean;
  /** The number of the current line, from 1. */
  readonly line: number;
  /** Start of a column of the current line, and its end; 0, 0 where the line is shorter. */
  start(column: number): number;
  end(column: number): number;
  readonly bytes: Uint8Array;
  /** A column as text, as a number. */
  text(column: number): string;
  /** @throws GreedynasError `io` with file, line, column and value where it is no finite number */
  number(column: number): number;
  readonly columns: number;
  error(problem: string): GreedynasError;
}

/** Reads lines of comma-separated columns without quotes. `header` is the first line that the format has. */
export function readLines(file: string, bytes: Uint8Array, header: string): LineReader {
  const names = header.split(',');
  const starts = new Int32Array(64);
  const ends = new Int32Array(64);
  let at = 0;
  let line = 0;
  let columns = 0;
  const decoder = new TextDecoder();
  const reader: LineReader = {
    bytes,
    get line() {
      return line;
    },
    get columns() {
      return columns;
    },
    next() {
      if (at >= bytes.length) return false;
      line += 1;
      columns = 0;
      starts[0] = at;
      let place = at;
      for (; place < bytes.length && bytes[place] !== lineEnd; place++) {
        if (bytes[place] === comma && columns < starts.length - 1) {
          ends[columns++] = place;
          starts[columns] = place + 1;
        }
      }
      ends[columns++] = place > at && bytes[place - 1] === carriageReturn ? place - 1 : place;
      at = place + 1;
      return true;
    },
    start: (column) => (column < columns ? starts[column]! : 0),
    end: (column) => (column < columns ? ends[column]! : 0),
    text: (column) => (column < columns ? decoder.decode(bytes.subarray(starts[column]!, ends[column]!)) : ''),
    number(column) {
      const from = column < columns ? starts[column]! : 0;
      const to = column < columns ? ends[column]! : 0;
      // Plain decimals by hand, which is most of the loading time otherwise; anything else goes through Number.
      let digits = 0;
      let scale = 0;
      for (let place = from; place < to; place++) {
        const digit = bytes[place]! - 48;
        if (digit >= 0 && digit <= 9) {
          digits = 10 * digits + digit;
          if (scale > 0) scale *= 10;
        } else if (bytes[place] === 46 && scale === 0) {
          scale = 1;
        } else {
          scale = Number.NaN;
          break;
        }
      }
      if (to > from && to - from <= 15 && !Number.isNaN(scale)) return scale > 1 ? digits / scale : digits;
      const text = reader.text(column);
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (!Number.isFinite(value))
        throw reader.error(`column ${names[column] ?? column} must be a number, got "${text}"`);
      return value;
    },
    error: (problem) => new GreedynasError('io', `${file}, line ${line}: ${problem}. Get the file anew.`),
  };
  if (!reader.next()) throw new GreedynasError('io', `${file} is empty. Get it anew.`);
  const found = decoder.decode(bytes.subarray(0, ends[columns - 1]!));
  if (found !== header) {
    throw new GreedynasError('io', `${file}: the first line must be "${header}", got "${found.slice(0, 200)}"`);
  }
  return reader;
}
