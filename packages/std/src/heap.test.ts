import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from './heap.ts';

test('a heap gives back what a sorted list would, whatever was put, replaced and removed', () => {
  const operation = fc.oneof(
    fc.record({ op: fc.constant('put' as const), key: fc.integer({ min: 0, max: 20 }), rank: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ op: fc.constant('remove' as const), key: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ op: fc.constant('pop' as const) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const before = (a: { key: number; rank: number }, b: { key: number; rank: number }) =>
        a.rank < b.rank || (a.rank === b.rank && a.key < b.key);
      const heap = new Heap<{ key: number; rank: number }>((item) => String(item.key), before);
      const model = new Map<number, { key: number; rank: number }>();
      for (const step of operations) {
        if (step.op === 'put') {
          heap.put({ key: step.key, rank: step.rank });
          model.set(step.key, { key: step.key, rank: step.rank });
        } else if (step.op === 'remove') {
          assert.deepEqual(heap.remove(String(step.key)), model.get(step.key));
          model.delete(step.key);
        } else {
          const first = [...model.values()].sort((a, b) => (before(a, b) ? -1 : 1))[0];
          assert.deepEqual(heap.pop(), first);
          if (first) model.delete(first.key);
        }
        assert.equal(heap.size, model.size);
      }
    }),
  );
});
