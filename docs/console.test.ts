import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleCommands, outputMatches } from './console.ts';

const DOCUMENT = [
  '# T',
  '## A',
  '```console',
  '$ one',
  'x',
  '$ two',
  '```',
  '```sh',
  '$ no',
  '```',
  '## B',
  '```console',
  '$ other',
  '```',
].join('\n');

test('commands of one section are found with what they print', () => {
  assert.deepEqual(consoleCommands(DOCUMENT, '## A'), [
    { command: 'one', expected: ['x'], line: 4 },
    { command: 'two', expected: [], line: 6 },
  ]);
  assert.throws(() => consoleCommands(DOCUMENT, '## C'));
});

test('output is compared with its gaps', () => {
  assert.ok(outputMatches(['a … c', '…', 'z'], 'a b c\nmore\nz\n'));
  assert.ok(outputMatches(['a', '…'], 'a\n'));
  assert.ok(!outputMatches(['a'], 'a\nb\n'));
  assert.ok(!outputMatches(['a'], ''));
  assert.ok(outputMatches([], 'anything'));
  assert.ok(outputMatches(['(x) [y]'], '(x) [y]'));
});
