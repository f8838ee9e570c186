/** Regularised evolution (Real et al. 2019): a queue of networks, the oldest dies, the best of a random few has a child. */
import type { RandomStream } from '../random/stream.ts';
import type { TabularBenchmark } from './benchmark.ts';
import type { TableMethod } from './method.ts';

export interface EvolutionSettings {
  readonly population: number;
  /** Networks that compete to be the parent; drawn with replacement. */
  readonly tournament: number;
}

/** NAS-Bench-101's own notebook has 50 and 10; NASLib's defaults for NAS-Bench-201 are 30 and 10. */
function evolutionSettings(benchmark: TabularBenchmark): EvolutionSettings {
  return benchmark.name.startsWith('nasbench101')
    ? { population: 50, tournament: 10 }
    : { population: 30, tournament: 10 };
}

/** Changes to try before a network counts as having no child in the table, and a random network comes in its place. */
const maxMutations = 1000;

interface Network {
  readonly genotype: number;
  readonly row: number;
}

function randomNetwork(benchmark: TabularBenchmark, stream: RandomStream): Network {
  const row = stream.integer(benchmark.rows);
  return { genotype: benchmark.genotype(row), row };
}

/** A mutation that is a network of the table, and its row. */
function child(benchmark: TabularBenchmark, parent: number, stream: RandomStream): Network {
  for (let attempt = 0; attempt < maxMutations; attempt++) {
    const genotype = benchmark.mutate(parent, stream);
    const row = benchmark.row(genotype);
    if (row >= 0) return { genotype, row };
  }
  return randomNetwork(benchmark, stream);
}

/**
 * A child is kept as it was mutated, with vertices that play no part for now: they may come into play again. In a small
 * table evolution can be caught where it knows everything near: after as many known children in a row as the population
 * has members, the next child is a random network.
 */
export function regularisedEvolution(settings?: EvolutionSettings): TableMethod {
  return function* ({ benchmark, stream }) {
    const { population, tournament } = settings ?? evolutionSettings(benchmark);
    const queue: { genotype: number; accuracy: number }[] = [];
    const asked = new Set<number>();
    let repeats = 0;
    while (queue.length < population) {
      const row = stream.integer(benchmark.rows);
      asked.add(row);
      queue.push({ genotype: benchmark.genotype(row), accuracy: yield row });
    }
    for (;;) {
      let parent = queue[stream.integer(population)]!;
      for (let other = 1; other < tournament; other++) {
        const rival = queue[stream.integer(population)]!;
        if (rival.accuracy > parent.accuracy) parent = rival;
      }
      const { genotype, row } =
        repeats < population ? child(benchmark, parent.genotype, stream) : randomNetwork(benchmark, stream);
      repeats = asked.has(row) ? repeats + 1 : 0;
      asked.add(row);
      queue.push({ genotype, accuracy: yield row });
      queue.shift();
    }
  };
}
