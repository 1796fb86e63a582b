import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedMap } from './sorted-map.ts';

const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', '0'), maxLength: 4 });

test('behaves as a plain map that is sorted when it is read', () => {
  const command = fc.oneof(
    fc.record({ type: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ type: fc.constant('delete' as const), key }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), key, fc.option(key), (commands, prefix, after) => {
      const model = new Map<string, number>();
      const map = new SortedMap<number>();
      for (const c of commands) {
        if (c.type === 'set') {
          model.set(c.key, c.value);
          map.set(c.key, c.value);
        } else assert.equal(map.delete(c.key), model.delete(c.key));
      }
      const expected = [...model]
        .filter(([k]) => k.startsWith(prefix) && (after === null || k > after))
        .sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual([...map.range(prefix, after ?? undefined)], expected);
      assert.equal(map.count(prefix, after ?? undefined), expected.length);
      assert.equal(map.size, model.size);
    }),
  );
});

test('keeps its order over many rows', () => {
  const map = new SortedMap<number>();
  const keys = Array.from({ length: 5000 }, (_, i) => String((i * 7919) % 5000).padStart(5, '0'));
  keys.forEach((k, i) => {
    map.set(k, i);
  });
  assert.deepEqual(
    [...map.range('')].map(([k]) => k),
    [...keys].sort(),
  );
  for (const k of keys.slice(0, 4000)) map.delete(k);
  assert.deepEqual(
    [...map.range('0', '01000')].map(([k]) => k),
    keys
      .slice(4000)
      .filter((k) => k > '01000')
      .sort(),
  );
  assert.equal(map.count('0', '01000'), keys.slice(4000).filter((k) => k > '01000').length);
});
