/** YAML read strictly: YAML 1.2 core schema, text keys, no duplicates, few aliases, bounded size and depth. */
import { isMap, isScalar, Lexer, LineCounter, parseDocument, visit } from 'yaml';

/** A config is a few kilobytes; anything near this is a mistake or an attack. */
export const maximumBytes = 1_000_000;
const maximumTokens = 20_000;
const maximumDepth = 32;
/** The lexer's token before a plain or block scalar. */
const scalarMark = '\u001f';
/** Bounds the nodes that aliases expand to ("billion laughs"); nobody shares more than a value or two in a config. */
const maximumAliases = 32;

/** A problem of the text itself; `line` counts from 1. */
export interface TextProblem {
  readonly line: number | null;
  readonly message: string;
}

export type StrictYaml =
  | { readonly value: unknown; readonly lineOf: (path: readonly string[]) => number | null }
  | { readonly problems: readonly TextProblem[] };

/** The plain value of one YAML document, or what is wrong with its text. Never throws on any text. */
export function readStrictYaml(text: string): StrictYaml {
  if (Buffer.byteLength(text) > maximumBytes) {
    return single(`${Buffer.byteLength(text)} bytes, allowed: at most ${maximumBytes}`);
  }
  const refused = excess(text);
  if (refused !== null) return single(refused);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      merge: false,
      prettyErrors: false,
      // 'silent' would also hide that there are several documents.
      logLevel: 'error',
      lineCounter: lines,
    });
    const lineAt = (offset: number | undefined) => (offset === undefined ? null : lines.linePos(offset).line);
    const problems: TextProblem[] = [...document.errors, ...document.warnings].map((error) => ({
      line: lineAt(error.pos[0]),
      message: oneLine(error.message),
    }));
    visit(document, {
      Pair(_, pair) {
        const line = isScalar(pair.key) ? lineAt(pair.key.range?.[0]) : null;
        if (!isScalar(pair.key) || typeof pair.key.value !== 'string') {
          problems.push({ line, message: 'a key that is not text, allowed: names of keys' });
        } else if (pair.key.value === '__proto__') {
          problems.push({ line, message: '__proto__ as a key, which is never allowed' });
        }
      },
    });
    if (problems.length > 0) return { problems };
    const lineOf = (path: readonly string[]): number | null => {
      let node: unknown = document.contents;
      let line: number | null = null;
      for (const name of path) {
        const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === name) : undefined;
        if (pair === undefined || !isScalar(pair.key)) return line;
        line = lineAt(pair.key.range?.[0]);
        node = pair.value;
      }
      return line;
    };
    const value: unknown = document.toJS({ maxAliasCount: maximumAliases });
    if (isCircular(value)) return single('an alias inside what it names');
    return { value, lineOf };
  } catch (error) {
    // The parser's own limits: too many aliases, a stack that overflows.
    return single(oneLine(error instanceof Error ? error.message : String(error)));
  }
}

/**
 * Refuses, from the linear lexer alone, what the parser takes exponential time (`? ? ? …`), quadratic time (thousands of
 * keys) or a stack overflow (`[[[[…`, `- - - …`) for; measured with yaml 2.9. Null if the text is harmless.
 */
function excess(text: string): string | null {
  let count = 0;
  let open = 0;
  let dashes = 0;
  let scalarFollows = false;
  for (const token of new Lexer().lex(text)) {
    if (++count > maximumTokens) return `more than ${maximumTokens} YAML tokens`;
    if (scalarFollows) {
      scalarFollows = false;
      continue;
    }
    if (token === scalarMark) scalarFollows = true;
    else if (token === '?') return 'a "? key", allowed: "key: value"';
    else if (token === '-') dashes++;
    else if (token === '[' || token === '{') open++;
    else if (token === ']' || token === '}') open = Math.max(0, open - 1);
    else if (token.includes('\n')) dashes = 0;
    if (open + dashes > maximumDepth) return `nested more than ${maximumDepth} levels deep`;
  }
  return null;
}

function isCircular(value: unknown, ancestors: readonly unknown[] = []): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (ancestors.includes(value)) return true;
  return Object.values(value).some((child) => isCircular(child, [...ancestors, value]));
}

function single(message: string): StrictYaml {
  return { problems: [{ line: null, message }] };
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
