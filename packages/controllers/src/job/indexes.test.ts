import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countCommon, countIndexes, firstFree, formatIndexes, hasIndex, parseIndexes, withIndexes } from './indexes.ts';

const sets = fc.uniqueArray(fc.integer({ min: 0, max: 60 }));

test('the text form and the set say the same', () => {
  assert.equal(formatIndexes(withIndexes([], [5, 1, 3, 4, 8, 9])), '1,3-5,8,9');
  assert.deepEqual(parseIndexes('1,3-5,x,8-70', 60), [
    { first: 1, last: 1 },
    { first: 3, last: 5 },
    { first: 8, last: 59 },
  ]);
  fc.assert(
    fc.property(sets, (numbers) => {
      const indexes = withIndexes([], numbers);
      assert.equal(countIndexes(indexes), numbers.length);
      assert.deepEqual(parseIndexes(formatIndexes(indexes), 61), indexes);
      for (let i = 0; i <= 61; i++) assert.equal(hasIndex(indexes, i), numbers.includes(i));
    }),
  );
});

test('common and free indexes', () => {
  fc.assert(
    fc.property(sets, sets, fc.integer({ min: 0, max: 20 }), (a, b, count) => {
      assert.equal(countCommon(withIndexes([], a), withIndexes([], b)), a.filter((i) => b.includes(i)).length);
      const free = Array.from({ length: 61 }, (_, i) => i).filter((i) => !a.includes(i));
      assert.deepEqual(firstFree(withIndexes([], a), count, 61), free.slice(0, count));
    }),
  );
});
