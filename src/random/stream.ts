/** Named streams of random numbers with a state that can be saved: seedrandom's ARC4, one stream for each purpose. */
import seedrandom from 'seedrandom';

/** The whole state of a stream, as plain JSON. */
export type StreamState = seedrandom.State.Arc4;

/** A source of random numbers; pass it in, never reach for a global one. */
export interface RandomStream {
  /** A float in [0, 1) with 53 random bits. */
  uniform(): number;
  /** An integer in [0, bound). `bound` is a positive integer. */
  integer(bound: number): number;
  /** A serialisable copy of the state: `restoreStream(state)` goes on exactly here. */
  state(): StreamState;
}

function wrap(generator: seedrandom.StatefulPRNG<StreamState>): RandomStream {
  return {
    uniform: () => generator.double(),
    integer(bound) {
      if (!Number.isInteger(bound) || bound < 1) {
        throw new RangeError(`integer(bound): bound must be a positive integer, got ${bound}`);
      }
      return Math.floor(generator.double() * bound);
    },
    state: () => structuredClone(generator.state()),
  };
}

/** The stream of `purpose` ("sampler", "search", …) in the run with this seed; different purposes are independent. */
export function createStream(seed: number, purpose: string): RandomStream {
  return wrap(seedrandom(`${seed}/${purpose}`, { state: true }) as seedrandom.StatefulPRNG<StreamState>);
}

/** A stream that continues from a state that `state()` returned. */
export function restoreStream(state: StreamState): RandomStream {
  return wrap(seedrandom('', { state: structuredClone(state) }) as seedrandom.StatefulPRNG<StreamState>);
}

/** A permutation of 0 … count−1, Fisher and Yates. */
export function permutation(stream: RandomStream, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = stream.integer(last + 1);
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
  return order;
}
