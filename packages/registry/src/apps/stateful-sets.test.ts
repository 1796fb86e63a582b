// What a StatefulSet may not have unless asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statefulSets } from './stateful-sets.ts';

const set = (rollingUpdate: object): any => ({ spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate } } });

test('how many pods may be down is dropped, unless it was there before', () => {
  const cases: [old: any, kept: object][] = [
    [undefined, { partition: 1 }],
    [set({ partition: 0 }), { partition: 1 }],
    [set({ maxUnavailable: 2 }), { partition: 1, maxUnavailable: 'x' }],
  ];
  for (const [old, kept] of cases) {
    const object = set({ partition: 1, maxUnavailable: 'x' });
    statefulSets.dropDisabled!(object, old);
    assert.deepEqual(object, set(kept));
  }
});
