/** Hostile inputs for fast-check: noise, valid texts with edits, valid JSON with replaced parts. */
import fc from 'fast-check';

/** Texts that parsers have stumbled over elsewhere. */
const nasty: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud800',
  '\u2028',
  '\r\n',
  '../../../etc/passwd',
  '1e999',
  '-0',
  '9007199254740993',
  '18446744073709551615',
  'NaN',
  '.inf',
  '!!js/function "x"',
  '&a [*a, *a]',
  '<<: *a',
  '? ',
  '{{{{[[[[',
  '---\n',
  '%YAML 1.1\n',
  '٣',
  '９',
];

export const noise: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 100 }),
  fc
    .array(fc.constantFrom(...nasty, ' ', '\n', ':', '-', ',', 'a', '1', '"'), { maxLength: 40 })
    .map((parts) => parts.join('')),
);

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly text: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(60)),
  text: fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom(...nasty)),
});

/** One of the texts after one to five edits. */
export function edited(...texts: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 5 })).map(([text, edits]) =>
    edits.reduce((given, { at, removed, text: put }) => {
      const place = Math.floor(at * (given.length + 1));
      return given.slice(0, place) + put + given.slice(place + removed);
    }, text),
  );
}

/** The same for bytes. */
export function editedBytes(...contents: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(600)),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 9 }),
      fc.constant(new Uint8Array(8).fill(255)),
      fc.constant(new Uint8Array(8)),
    ),
  });
  const some = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...contents) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  );
  return fc.tuple(some, fc.array(change, { minLength: 1, maxLength: 4 })).map(([content, changes]) =>
    changes.reduce((given, { at, removed, bytes }) => {
      const place = Math.floor(at * (given.length + 1));
      return Buffer.concat([given.subarray(0, place), bytes, given.subarray(place + removed)]);
    }, Buffer.from(content)),
  );
}

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(-1, 0.5, 1e308, 2 ** 53, -0, null, '', [], {}, [[]], 'x'.repeat(500), Array(300).fill(0)),
  fc.constantFrom(...nasty),
  fc.constant(JSON.parse('{"__proto__": {"polluted": true}}')),
);

/** A JSON value with one to three of its parts, at any depth, replaced, removed or joined by others. */
export function editedJson(valid: unknown): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    to: value,
    how: fc.constantFrom('replace', 'remove', 'add'),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    let result: unknown = structuredClone(valid);
    for (const { at, to, how } of changes) {
      const places = placesOf(result);
      const place = places[Math.floor(at * (places.length + 1)) - 1];
      // A copy: the same value put into itself would be endless.
      const put = structuredClone(to);
      // The first place is the whole.
      if (place === undefined) result = put;
      else if (how === 'replace') place.holder[place.key] = put;
      else if (how === 'add') place.holder[Array.isArray(place.holder) ? place.holder.length : 'more'] = put;
      else if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1);
      else delete place.holder[place.key];
    }
    return result;
  });
}

interface Place {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
}

function placesOf(given: unknown): Place[] {
  if (typeof given !== 'object' || given === null) return [];
  const holder = given as Record<string | number, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesOf(holder[key])]);
}
