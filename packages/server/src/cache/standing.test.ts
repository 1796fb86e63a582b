import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '@tiphys/storage';
import fc from 'fast-check';
import { encodeStored, type PlainObject } from './entry.ts';
import type { Selection } from './selection.ts';
import { STANDING_OBJECTS_MIN } from './standing.ts';
import { WatchCache } from './watch-cache.ts';

const PREFIX = '/registry/things/';
const thing = (key: string, color: string): PlainObject => {
  const [namespace, name] = key.split('/');
  return { kind: 'Thing', apiVersion: 'v1', metadata: { name: name!, namespace: namespace!, labels: { color } } } as PlainObject;
};
const colored = (color: string, keyPrefix = ''): Selection => ({
  keyPrefix,
  text: `color=${color}&`,
  matches: (object) => object.metadata?.labels?.color === color,
});
const keyOf = (index: number) => `n${index % 3}/t${index}`;

test('a selection that stands has what a look at all would find, whatever was written in between', async () => {
  const write = fc.record({ index: fc.nat({ max: STANDING_OBJECTS_MIN + 20 }), color: fc.constantFrom('red', 'blue', undefined) });
  const step = fc.record({ writes: fc.array(write, { maxLength: 12 }), compacts: fc.boolean(), asked: fc.constantFrom('red', 'blue') });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.constantFrom('', 'n1/'), async (steps, keyPrefix) => {
      const store = memoryStore();
      const put = (index: number, color: string) =>
        store.commit({ type: 'put', key: PREFIX + keyOf(index), value: encodeStored(thing(keyOf(index), color)) });
      await Promise.all(Array.from({ length: STANDING_OBJECTS_MIN }, (_, index) => put(index, 'green')));
      const cache = new WatchCache(store, PREFIX);
      await cache.start();
      for (const { writes, compacts, asked } of steps) {
        for (const { index, color } of writes) {
          if (color) await put(index, color);
          else await store.commit({ type: 'delete', key: PREFIX + keyOf(index) });
        }
        if (compacts) await store.compact(store.revision);
        const selection = colored(asked, keyPrefix);
        const expected = Array.from(cache.range(keyPrefix), ([, entry]) => entry).filter((entry) => selection.matches!(entry.object));
        assert.deepEqual([...(cache.selected(selection) ?? expected)], expected);
        const after = expected[0]?.key;
        if (after) assert.deepEqual([...(cache.selected(selection, after) ?? expected.slice(1))], expected.slice(1));
      }
      await store[Symbol.asyncDispose]();
    }),
    { numRuns: 30 },
  );
});
