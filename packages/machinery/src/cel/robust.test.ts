import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CelError, CompilationError, createEnvironment, DYN, EvaluationFailure, fromJson } from './index.ts';

const environment = createEnvironment({ variables: { object: DYN } });
const object = fromJson({ a: [1, 'x', null, { b: 2.5 }], t: 'text', m: { k: true } });

/** Whatever the text is, it compiles or says why not, and evaluates or says why not. */
function answers(text: string): void {
  let program: ReturnType<typeof environment.compile>;
  try {
    program = environment.compile(text);
  } catch (error) {
    assert.ok(error instanceof CompilationError, `${text}: ${error}`);
    return;
  }
  try {
    program.evaluate({ object });
  } catch (error) {
    assert.ok(error instanceof EvaluationFailure && error.cause instanceof CelError, `${text}: ${(error as EvaluationFailure).cause}`);
  }
}

const PIECES = [
  ...[
    'object',
    '.a',
    '.t',
    '.m',
    '[0]',
    '["k"]',
    '.?b',
    '[?1]',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '?',
    '!',
    '-',
    '+',
    '*',
    '/',
    '%',
    ' in ',
    '==',
  ],
  ...[
    '<',
    '&&',
    '||',
    '1',
    '2u',
    '3.5',
    '"s"',
    "b'x'",
    'null',
    'true',
    'x',
    'has(',
    '.all(x,',
    '.map(x,',
    '.filter(x,',
    '.size()',
    'int(',
    'string(',
  ],
  ...[
    'timestamp(',
    'duration("1h")',
    '.format([',
    '.sortBy(x,',
    'optional.of(',
    'quantity("1Gi")',
    'ip("::1")',
    'cidr("10.0.0.0/8")',
    'url(',
  ],
];

test('no text makes the engine fail otherwise than by its own errors', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }), (pieces) => answers(pieces.join(''))),
    { numRuns: 4000, seed: 7 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 30 }), answers), { numRuns: 1000, seed: 7 });
});

test('deep and long texts are refused, not fatal', () => {
  const many = 40_000;
  const deep = [
    '('.repeat(many),
    '['.repeat(many),
    `1${'+1'.repeat(many)}`,
    `object${'.a'.repeat(many)}`,
    `1${'<1'.repeat(many)}`,
    '!'.repeat(many),
    '{1:'.repeat(many),
  ];
  for (const text of deep) assert.throws(() => environment.compile(text), CompilationError, text.slice(0, 10));
  for (const text of [`${'!'.repeat(many)}true`, `true${'&&true'.repeat(10_000)}`]) answers(text);
});
