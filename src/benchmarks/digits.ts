/** Genotypes that are a fixed number of choices among equally many operations, coded as one number. */
import type { RandomStream } from '../random/stream.ts';
import type { VectorEncoding } from './benchmark.ts';

export interface DigitSpace {
  /** Choices. */
  readonly length: number;
  /** Operations of each choice. */
  readonly base: number;
}

/** The choices of a genotype; the first one is the most significant digit, as in the benchmarks' own codes. */
export function digitsOf({ length, base }: DigitSpace, genotype: number): number[] {
  const digits = new Array<number>(length);
  let rest = genotype;
  for (let choice = length - 1; choice >= 0; choice--) {
    digits[choice] = rest % base;
    rest = Math.floor(rest / base);
  }
  return digits;
}

/** One choice, drawn uniformly, becomes another operation, drawn uniformly among the others. */
export function mutateDigit({ length, base }: DigitSpace, genotype: number, stream: RandomStream): number {
  const place = base ** stream.integer(length);
  const digit = Math.floor(genotype / place) % base;
  return genotype + (((digit + 1 + stream.integer(base - 1)) % base) - digit) * place;
}

/** Every genotype with one other choice: length · (base − 1). */
export function neighbouringDigits({ length, base }: DigitSpace, genotype: number): number[] {
  const neighbours: number[] = [];
  for (let choice = 0, place = 1; choice < length; choice++, place *= base) {
    const digit = Math.floor(genotype / place) % base;
    for (let step = 1; step < base; step++) neighbours.push(genotype + (((digit + step) % base) - digit) * place);
  }
  return neighbours;
}

/** One-hot, choice by choice: length · base numbers. */
export function digitVectors(space: DigitSpace, genotype: (row: number) => number): VectorEncoding {
  const width = space.length * space.base;
  return {
    width,
    write(row, into, offset) {
      into.fill(0, offset, offset + width);
      for (const [choice, digit] of digitsOf(space, genotype(row)).entries())
        into[offset + choice * space.base + digit] = 1;
    },
  };
}
