import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countIndexes, sharedIndex } from './indexes.ts';

test('indexes are counted, or their fault is told', () => {
  assert.equal(countIndexes('', 3), 0);
  assert.equal(countIndexes('0,2-4', 5), 4);
  assert.equal(countIndexes('x', 5), 'cannot convert string to integer for index: "x"');
  assert.equal(countIndexes('5', 5), 'too large index: "5"');
  assert.equal(countIndexes('3-1', 5), 'non-increasing order, previous: 3, current: 1');
  assert.equal(countIndexes('1,1', 5), 'non-increasing order, previous: 1, current: 1');
  assert.match(String(countIndexes('1-2-3', 5)), /at most two parts/);
});

test('an index can not be in both lists', () => {
  assert.equal(sharedIndex('0-2,5', '3,5', 9), 5);
  assert.equal(sharedIndex('0-2', '3', 9), undefined);
  assert.equal(sharedIndex('x,1', 'y,1', 9), 1);
  assert.equal(sharedIndex('', '1', 9), undefined);
});
