import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorded, withPlayed } from './record.ts';

test('a record goes on where it was, commit by commit', () => {
  const head = '| seeds | minutes | commit | broken |\n|---|---|---|---|\n';
  const one = { commit: 'abc', minutes: 10, last: 25, broken: [] };
  const first = withPlayed(head, one);
  assert.deepEqual(recorded(first, 'abc', 10), one);
  const second = { commit: 'abc', minutes: 10, last: 50, broken: [31, 40] };
  const both = withPlayed(withPlayed(first, second), { ...one, commit: 'def' });
  assert.deepEqual(recorded(both, 'abc', 10), second);
  assert.equal(recorded(both, 'abc', 20).last, 0);
  assert.equal(both.split('\n').length, 5);
});
