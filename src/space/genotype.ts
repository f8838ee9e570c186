/** The text of a path, one token a layer (`e3k3 e6k7se skip …`), and back. */
import { GreedynasError } from '../errors.ts';
import { findArchitecture } from './architectures.ts';
import type { Layer, Operation, Path, Space } from './space.ts';

/** No real genotype comes near this many characters a layer; longer texts are refused before they are split. */
const longestToken = 64;

/** `skip`, or `e` expansion `k` kernel and `se` where the operation has squeeze-and-excite. */
export function operationToken(operation: Operation): string {
  if (operation.kind === 'identity') return 'skip';
  return `e${operation.expansion}k${operation.kernel}${operation.se ? 'se' : ''}`;
}

/** One token a layer, separated by single spaces. Throws a usage error on a path that is not of this space. */
export function formatGenotype(space: Space, path: Path): string {
  validatePath(space, path);
  return space.layers.map((layer, index) => operationToken(layer.operations[path[index]!]!)).join(' ');
}

/**
 * The path of a genotype, or of a published network's name (`GreedyNAS-B`); any white space separates tokens. Throws a usage
 * error naming the token, its place and what is allowed.
 */
export function parseGenotype(space: Space, given: string): Path {
  const { layers } = space;
  const text = findArchitecture(given)?.genotype ?? given;
  if (text.length > layers.length * longestToken) {
    throw new GreedynasError(
      'usage',
      `genotype: ${text.length} characters, allowed: ${layers.length} tokens, one for each layer of space ${space.name}`,
    );
  }
  const tokens = text.split(/\s+/).filter((token) => token !== '');
  const path = tokens.slice(0, layers.length).map((token, index) => {
    const layer = layers[index]!;
    const operation = layer.operations.findIndex((candidate) => operationToken(candidate) === token);
    if (operation === -1) {
      throw new GreedynasError('usage', `genotype: token ${index} is ${quote(token)}, ${allowedTokens(space, layer)}`);
    }
    return operation;
  });
  requireLength(space, 'genotype', tokens.length, 'tokens');
  return path;
}

/** The path of a code such as `22212220`, one digit a layer, the index of its operation (NAS-Bench-Macro's notation). */
export function pathFromDigits(space: Space, digits: string): Path {
  requireLength(space, 'code', digits.length, 'digits');
  return Array.from(digits, (digit, index) => {
    const count = space.layers[index]!.operations.length;
    const operation = /^[0-9]$/.test(digit) ? Number(digit) : Number.NaN;
    if (!(operation < count)) {
      throw new GreedynasError(
        'usage',
        `code: digit ${index} is ${quote(digit)}, allowed in layer ${space.layers[index]!.name} of space ${space.name}: 0 to ${count - 1}`,
      );
    }
    return operation;
  });
}

/** Throws a usage error unless the path has one valid operation index for each layer. */
export function validatePath(space: Space, path: Path): void {
  requireLength(space, 'path', path.length, 'operations');
  for (const [index, operation] of path.entries()) {
    const layer = space.layers[index]!;
    if (layer.operations[operation] === undefined) {
      throw new GreedynasError(
        'usage',
        `path: operation ${index} is ${quote(String(operation))}, allowed in layer ${layer.name} of space ${space.name}: a whole number from 0 to ${layer.operations.length - 1}`,
      );
    }
  }
}

/** A key for maps and sets: two paths of a space have the same key where they are the same. */
export function pathKey(path: Path): string {
  return path.join('.');
}

function allowedTokens(space: Space, layer: Layer): string {
  return `allowed in layer ${layer.name} of space ${space.name}: ${layer.operations.map(operationToken).join(', ')}`;
}

function requireLength(space: Space, what: string, length: number, unit: string): void {
  const expected = space.layers.length;
  if (length === expected) return;
  throw new GreedynasError(
    'usage',
    `${what}: ${length} ${unit}, allowed: ${expected}, one for each layer of space ${space.name}`,
  );
}

/** A piece of the user's text, short enough for a line. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
