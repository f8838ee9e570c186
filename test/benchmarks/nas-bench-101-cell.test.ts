import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Cell,
  cellNeighbours,
  countEdges,
  edgeBit,
  emptyCell,
  isInSpace,
  maxVertices,
  mutateCell,
  packCell,
  pruneCell,
  writeCellKey,
} from '../../src/benchmarks/nas-bench-101-cell.ts';
import { createStream } from '../../src/random/stream.ts';

/** A cell from its edges and the operations of its inner vertices. */
function cellOf(vertices: number, edges: readonly (readonly [number, number])[], operations: number[]): Cell {
  const cell = emptyCell();
  cell.vertices = vertices;
  for (const [from, to] of edges) cell.successors[from]! |= 1 << to;
  for (const [index, code] of operations.entries()) cell.operations[index + 1] = code;
  return cell;
}

function pruned(genotype: number): Cell {
  const cell = emptyCell();
  pruneCell(genotype, cell);
  return cell;
}

function plain({ vertices, successors, operations }: Cell) {
  return {
    vertices,
    successors: [...successors.slice(0, vertices)],
    operations: [...operations.slice(1, Math.max(1, vertices - 1))],
  };
}

function keyOf(cell: Cell): string {
  const keys = new Int32Array(2);
  writeCellKey(cell, keys);
  return keys.join();
}

const genotypes = fc.integer({ min: 0, max: 3 ** 5 * 2 ** 21 - 1 });

describe('cells of NAS-Bench-101', () => {
  it('number the upper triangle row by row', () => {
    const bits = [];
    for (let from = 0; from < maxVertices; from++) {
      for (let to = from + 1; to < maxVertices; to++) bits.push(edgeBit(from, to));
    }
    expect(bits).to.deep.equal(Array.from({ length: 21 }, (_, bit) => bit));
  });

  it('come back from their genotype, whatever their size', () => {
    const chain = cellOf(
      4,
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      [0, 2],
    );
    expect(plain(pruned(packCell(chain)))).to.deep.equal(plain(chain));
    const direct = cellOf(2, [[0, 1]], []);
    expect(plain(pruned(packCell(direct)))).to.deep.equal(plain(direct));
    fc.assert(
      fc.property(genotypes, (genotype) => {
        const cell = pruned(genotype);
        if (cell.vertices > 0) expect(plain(pruned(packCell(cell)))).to.deep.equal(plain(cell));
      }),
    );
  });

  it('lose vertices that no way from input to output passes', () => {
    const cell = cellOf(
      7,
      [
        [0, 1],
        [1, 6],
        [0, 2],
        [3, 6],
        [4, 5],
      ],
      [2, 0, 0, 0, 1],
    );
    expect(plain(pruned(packCell(cell)))).to.deep.equal(
      plain(
        cellOf(
          3,
          [
            [0, 1],
            [1, 2],
          ],
          [2],
        ),
      ),
    );
    expect(pruned(0).vertices).to.equal(0);
    expect(isInSpace(pruned(0))).to.equal(false);
  });

  it('are in the space up to 9 edges', () => {
    const nine = cellOf(
      5,
      [0, 1, 2, 3].flatMap((from) => [1, 2, 3, 4].filter((to) => to > from).map((to): [number, number] => [from, to])),
      [0, 0, 0],
    );
    expect(countEdges(nine)).to.equal(10);
    expect(isInSpace(nine)).to.equal(false);
    nine.successors[0]! &= ~(1 << 4);
    expect(isInSpace(nine)).to.equal(true);
  });

  it('share a key with every renumbering of their inner vertices', () => {
    fc.assert(
      fc.property(genotypes, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (genotype, swaps) => {
        const cell = pruned(genotype);
        if (cell.vertices < 4) return;
        // Swaps neighbours in the numbering where no edge forbids it: the order stays topological.
        let { vertices, successors, operations } = cell;
        for (const swap of swaps) {
          const first = 1 + (swap % (vertices - 3));
          const second = first + 1;
          if ((successors[first]! >> second) & 1) continue;
          const turned = successors.map((set) => {
            const [a, b] = [(set >> first) & 1, (set >> second) & 1];
            return (set & ~((1 << first) | (1 << second))) | (a << second) | (b << first);
          });
          [turned[first], turned[second]] = [turned[second]!, turned[first]!];
          const renamed = operations.slice();
          [renamed[first], renamed[second]] = [operations[second]!, operations[first]!];
          [successors, operations] = [turned, renamed];
        }
        expect(keyOf({ vertices, successors, operations })).to.equal(keyOf(cell));
      }),
    );
  });

  it('have other keys with another operation, another edge, or the edges turned round', () => {
    const edges: [number, number][] = [
      [0, 1],
      [1, 2],
      [0, 2],
      [2, 3],
    ];
    const keys = [
      cellOf(4, edges, [0, 1]),
      cellOf(4, edges, [1, 0]),
      cellOf(4, edges, [0, 2]),
      cellOf(4, [...edges, [1, 3]], [0, 1]),
      cellOf(
        4,
        [
          [0, 1],
          [1, 2],
          [1, 3],
          [2, 3],
        ],
        [1, 0],
      ),
    ].map(keyOf);
    expect(new Set(keys).size).to.equal(keys.length);
  });

  it('have 31 neighbours, each one decision away', () => {
    const genotype = packCell(
      cellOf(
        4,
        [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
        [0, 2],
      ),
    );
    const neighbours = cellNeighbours(genotype);
    expect(new Set([genotype, ...neighbours]).size).to.equal(32);
    for (const neighbour of neighbours) {
      const edges = (genotype ^ neighbour) & (2 ** 21 - 1);
      const [before, after] = [genotype >>> 21, neighbour >>> 21].map((code) => code.toString(3).padStart(5, '0'));
      const operations = [...before!].filter((digit, place) => digit !== after![place]).length;
      const flips = edges === 0 ? 0 : (edges & (edges - 1)) === 0 ? 1 : 2;
      expect(flips + operations).to.equal(1);
    }
  });

  it('mutate as often as the notebook says: 3 edges and 1 operation on average, an operation never into itself', () => {
    const stream = createStream(1, 'test');
    const genotype = 5 + 100 * 2 ** 21;
    let edges = 0;
    let operations = 0;
    const rounds = 4000;
    for (let round = 0; round < rounds; round++) {
      const child = mutateCell(genotype, stream);
      for (let set = (genotype ^ child) & (2 ** 21 - 1); set !== 0; set &= set - 1) edges += 1;
      const [before, after] = [genotype >>> 21, child >>> 21].map((code) => code.toString(3).padStart(5, '0'));
      operations += [...before!].filter((digit, place) => digit !== after![place]).length;
      expect(child >>> 21).to.be.below(3 ** 5);
    }
    expect(edges / rounds).to.be.closeTo(3, 0.15);
    expect(operations / rounds).to.be.closeTo(1, 0.08);
  });
});
