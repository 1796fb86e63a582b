import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueInFile } from './env-file.ts';

test('quoted values, comments and values over several lines', () => {
  const text = "\n  # comment\nA='one' # more\n  B='two\n  lines'\nEMPTY= 'not this'\nC='$(A)=\"x\"'\n";
  assert.deepEqual(
    ['A', 'B', 'EMPTY', 'C', 'D'].map((name) => valueInFile(text, name)),
    ['one', 'two\n  lines', '', '$(A)="x"', ''],
  );
});

for (const [text, message] of [
  ['A', "invalid environment variable format at line 1: missing '='"],
  ["='x'", 'invalid environment variable format at line 1: empty variable name'],
  ["A ='x'", "invalid environment variable format at line 1: whitespace before '=' is not allowed"],
  ['B=1', 'invalid environment variable format at line 1: value must be enclosed in single quotes'],
  ["B='1' 2", 'invalid environment variable format at line 1: unexpected content after closing quote'],
  ["\nB='1\n2", 'invalid environment variable format starting at line 2: unclosed single quote'],
] as const) {
  test(`a file is refused: ${JSON.stringify(text)}`, () => assert.throws(() => valueInFile(text, 'Z'), { message }));
}

test('nothing after the wanted variable is looked at', () => assert.equal(valueInFile("A='1'\nrubbish", 'A'), '1'));
