/**
 * Cells of NAS-Bench-101 (Ying et al. 2019): directed acyclic graphs of at most 7 vertices and 9 edges, and the key that
 * isomorphic cells share.
 *
 * A genotype is 29 bits: the upper triangle of the 7 x 7 adjacency matrix, row by row, then the operations of the five
 * inner vertices as a number of base 3. Vertex 0 is the input, vertex 6 the output. Vertices that lie on no way from
 * input to output do not count: {@link pruneCell} removes them.
 */
import type { RandomStream } from '../random/stream.ts';

export const maxVertices = 7;
const maxEdges = 9;
const edgeBits = (maxVertices * (maxVertices - 1)) / 2;
const innerVertices = maxVertices - 2;

/** Operations of inner vertices, by code. */
export const cellOperations = ['conv3x3', 'conv1x1', 'maxpool3x3'] as const;

/** Which bit of a genotype is the edge `from` → `to` (from < to). */
export function edgeBit(from: number, to: number): number {
  return (from * (2 * maxVertices - 1 - from)) / 2 + to - from - 1;
}

/** A cell without useless vertices. Reused as a buffer: reading 423,624 cells must not make as many objects. */
export interface Cell {
  /** From 2 (input and output alone) to 7; the last vertex is the output. 0: there is no way from input to output. */
  vertices: number;
  /** For each vertex the set of its successors, bit `to` for the edge to `to`. */
  readonly successors: Int32Array;
  /** For each inner vertex (1 … vertices − 2) its operation code. */
  readonly operations: Int32Array;
}

export function emptyCell(): Cell {
  return { vertices: 0, successors: new Int32Array(maxVertices), operations: new Int32Array(maxVertices) };
}

/** The genotype of a cell of n vertices; its output moves to vertex 6. */
export function packCell({ vertices, successors, operations }: Cell): number {
  const place = (vertex: number): number => (vertex === vertices - 1 ? maxVertices - 1 : vertex);
  let genotype = 0;
  for (let from = 0; from < vertices; from++) {
    for (let to = from + 1; to < vertices; to++) {
      if ((successors[from]! >> to) & 1) genotype |= 1 << edgeBit(place(from), place(to));
    }
  }
  let code = 0;
  for (let vertex = vertices - 2; vertex >= 1; vertex--) code = 3 * code + operations[vertex]!;
  return genotype + code * 2 ** edgeBits;
}

const outSets = new Int32Array(maxVertices);

/** Writes the cell that a genotype means, without the vertices that lie on no way from input to output. */
export function pruneCell(genotype: number, cell: Cell): void {
  let bit = 0;
  for (let from = 0; from < maxVertices; from++) {
    let set = 0;
    for (let to = from + 1; to < maxVertices; to++) set |= ((genotype >> bit++) & 1) << to;
    outSets[from] = set;
  }
  // Vertices are in topological order, so one pass each way is enough.
  let reached = 1;
  for (let vertex = 0; vertex < maxVertices; vertex++) if ((reached >> vertex) & 1) reached |= outSets[vertex]!;
  let reaching = 1 << (maxVertices - 1);
  for (let vertex = maxVertices - 2; vertex >= 0; vertex--) {
    if (outSets[vertex]! & reaching) reaching |= 1 << vertex;
  }
  const kept = reached & reaching;
  cell.vertices = 0;
  if (!(kept & 1)) return;
  let code = genotype >>> edgeBits;
  let count = 0;
  for (let vertex = 0; vertex < maxVertices; vertex++) {
    const operation = code % 3;
    if (vertex >= 1 && vertex <= innerVertices) code = (code - operation) / 3;
    if (!((kept >> vertex) & 1)) continue;
    cell.operations[count] = operation;
    const set = outSets[vertex]! & kept;
    let packed = 0;
    let place = 0;
    for (let to = 0; to < maxVertices; to++) {
      if (!((kept >> to) & 1)) continue;
      packed |= ((set >> to) & 1) << place++;
    }
    cell.successors[count++] = packed;
  }
  cell.vertices = count;
}

/** How many edges a cell has. */
export function countEdges({ vertices, successors }: Cell): number {
  let edges = 0;
  for (let vertex = 0; vertex < vertices; vertex++) {
    for (let set = successors[vertex]!; set !== 0; set &= set - 1) edges += 1;
  }
  return edges;
}

/** Whether the space holds the cell: input and output are connected, by at most 9 edges. */
export function isInSpace(cell: Cell): boolean {
  return cell.vertices > 0 && countEdges(cell) <= maxEdges;
}

/** MurmurHash3's finaliser: spreads 32 bits. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** Two hashes at once make 64 bits: among 423,624 cells a chance collision has a probability of 5e-9. */
const laneConstants = [0x9e3779b9, 0x7feb352d] as const;
const colours = new Int32Array(maxVertices);
const nextColours = new Int32Array(maxVertices);

function laneKey({ vertices, successors, operations }: Cell, constant: number): number {
  for (let vertex = 0; vertex < vertices; vertex++) {
    const label = vertex === 0 ? 3 : vertex === vertices - 1 ? 4 : operations[vertex]!;
    colours[vertex] = mix(label + constant);
  }
  for (let round = 0; round < vertices; round++) {
    nextColours.fill(0);
    for (let from = 0; from < vertices; from++) {
      const own = colours[from]!;
      const set = successors[from]!;
      const asSource = mix(own ^ constant);
      let sum = Math.imul(own, 0x2c1b3c6d);
      for (let to = from + 1; to < vertices; to++) {
        if (!((set >> to) & 1)) continue;
        // Sums do not depend on the order of the neighbours, which is all that an isomorphism changes.
        sum = (sum + mix(colours[to]! + constant)) | 0;
        nextColours[to] = (nextColours[to]! + asSource) | 0;
      }
      nextColours[from] = (nextColours[from]! + sum) | 0;
    }
    for (let vertex = 0; vertex < vertices; vertex++) colours[vertex] = mix(nextColours[vertex]! + constant);
  }
  let key = vertices;
  for (let vertex = 0; vertex < vertices; vertex++) key = (key + mix(colours[vertex]! ^ constant)) | 0;
  return key;
}

/**
 * A key that isomorphic cells share, by colour refinement over as many rounds as there are vertices; the benchmark's own
 * hash does the same with MD5. That no two of its 423,624 cells share one is tested on the whole table.
 *
 * @param keys receives the two halves of the 64 bits
 */
export function writeCellKey(cell: Cell, keys: Int32Array): void {
  keys[0] = laneKey(cell, laneConstants[0]);
  keys[1] = laneKey(cell, laneConstants[1]);
}

/**
 * The mutation of the benchmark's own regularised evolution (its `NASBench.ipynb`): each of the 21 possible edges flips
 * with probability 1/7, each of the 5 operations becomes one of the two others with probability 1/5.
 */
export function mutateCell(genotype: number, stream: RandomStream): number {
  let edges = genotype & (2 ** edgeBits - 1);
  for (let bit = 0; bit < edgeBits; bit++) if (stream.uniform() < 1 / maxVertices) edges ^= 1 << bit;
  let code = genotype >>> edgeBits;
  let changed = 0;
  for (let vertex = 0, place = 1; vertex < innerVertices; vertex++, place *= 3) {
    const operation = code % 3;
    code = (code - operation) / 3;
    const next = stream.uniform() < 1 / innerVertices ? (operation + 1 + stream.integer(2)) % 3 : operation;
    changed += next * place;
  }
  return edges + changed * 2 ** edgeBits;
}

/** The 31 genotypes with one edge flipped or one operation replaced. */
export function cellNeighbours(genotype: number): number[] {
  const neighbours: number[] = [];
  for (let bit = 0; bit < edgeBits; bit++) neighbours.push(genotype ^ (1 << bit));
  const code = genotype >>> edgeBits;
  for (let vertex = 0, place = 1; vertex < innerVertices; vertex++, place *= 3) {
    const operation = Math.floor(code / place) % 3;
    for (const step of [1, 2]) {
      neighbours.push(genotype + (((operation + step) % 3) - operation) * place * 2 ** edgeBits);
    }
  }
  return neighbours;
}
