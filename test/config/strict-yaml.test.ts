import { expect } from 'chai';
import fc from 'fast-check';
import { configOf, linesOf } from './parsing.ts';

describe('hostile YAML', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x]',
    'b: &b [*a, *a, *a, *a, *a, *a]',
    'c: &c [*b, *b, *b, *b, *b, *b]',
    'd: [*c, *c]',
  ];
  for (const [name, text, expected] of [
    ['a duplicate key', 'seed: 1\nseed: 2', 'run.yaml:2: Map keys must be unique'],
    ['__proto__', 'training:\n  __proto__: {steps: 1}', 'run.yaml:2: __proto__ as a key'],
    ['constructor', 'constructor: {}', 'constructor: {}, unknown key'],
    ['a merge key', '<<: {seed: 1}', '<<: {"seed":1}, unknown key'],
    ['an alias bomb', bomb.join('\n'), 'Excessive alias count'],
    ['an alias to itself', 'seed: &a [*a]', 'an alias inside what it names'],
    ['an alias to nothing', 'seed: *a', 'Unresolved alias'],
    ['a tag', 'seed: !!js/function x', 'Unresolved tag'],
    ['several documents', 'seed: 1\n---\nseed: 2', 'multiple documents'],
    ['a list', '- 1', 'allowed: a mapping of keys to values'],
    ['a number as key', '1: x', 'a key that is not text'],
    ['brackets', '['.repeat(900_000), 'nested more than 32 levels deep'],
    ['braces', '{a: '.repeat(200_000), 'nested more than 32 levels deep'],
    ['dashes', '- '.repeat(400_000), 'nested more than 32 levels deep'],
    ['question marks', '? '.repeat(400_000), 'a "? key"'],
    [
      'many keys',
      Array.from({ length: 90_000 }, (_, index) => `k${index}: 1`).join('\n'),
      'more than 20000 YAML tokens',
    ],
    ['many bytes', `# ${'x'.repeat(1_000_000)}`, '1000002 bytes, allowed: at most 1000000'],
    ['wide characters', `# ${'é'.repeat(600_000)}`, '1200002 bytes'],
  ] as const) {
    it(`is refused: ${name}`, function () {
      this.timeout(2000);
      expect(linesOf(text).join('\n')).to.include(expected);
    });
  }

  it('does not count brackets in comments and texts', () => {
    expect(configOf(`# ${'['.repeat(40)}\nspace:\n  preset: "mobilenet-7" # [0, 1) [[\n`).space.preset).to.equal(
      'mobilenet-7',
    );
    expect(linesOf(`data: {dataset: "${'['.repeat(40)}"}`)[0]).to.include('allowed: cifar10');
  });

  it('of any kind is a config or a usage error', function () {
    this.timeout(20_000);
    const piece = fc.oneof(
      fc.constantFrom(
        'seed',
        'training',
        'steps',
        'sampling',
        'stop',
        ': ',
        '\n',
        '\n  ',
        '- ',
        '? ',
        '[',
        ']',
        '{',
        '}',
      ),
      fc.constantFrom(
        ', ',
        '&a ',
        '*a',
        '!!x ',
        '"',
        "'",
        '|',
        '>',
        '#',
        '---\n',
        '...\n',
        '%YAML 1.2\n',
        '<<',
        '\t',
        '~',
      ),
      fc.constantFrom('1', '-1', '1e999', '.nan', 'null', 'true', '__proto__', '330M', '\0', '\u001f', '\ufeff', '\r'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const check = (text: string, overrides: string[] = []) => {
      try {
        configOf(text, overrides);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'usage')) throw error;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => check(pieces.join(''))),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(
        fc.constantFrom('seed=', 'sampling.stop=', 'training.', ''),
        fc.array(piece, { maxLength: 8 }),
        (head, pieces) => check('', [head + pieces.join('')]),
      ),
      { numRuns: 2000 },
    );
  });
});
