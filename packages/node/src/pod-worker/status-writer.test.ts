import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusPatch } from './status-writer.ts';

test('only what differs is sent, and what is gone is taken away', () => {
  assert.equal(statusPatch('u', { phase: 'Running' }, { phase: 'Running' }), undefined);
  assert.deepEqual(statusPatch('u', { phase: 'Pending', reason: 'x' }, { phase: 'Running' }), {
    metadata: { uid: 'u' },
    status: { phase: 'Running', reason: null },
  });
});

test('conditions are merged by type: other writers’ ones stay', () => {
  const known = {
    conditions: [
      { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'm' },
      { type: 'Foreign', status: 'True' },
    ],
  };
  assert.deepEqual(statusPatch('u', known, { conditions: [{ type: 'Ready', status: 'True' }] }), {
    metadata: { uid: 'u' },
    status: { conditions: [{ reason: null, message: null, type: 'Ready', status: 'True' }] },
  });
});

test('addresses are replaced, not added', () => {
  assert.deepEqual(statusPatch('u', { podIPs: [{ ip: '1' }] }, { podIPs: [{ ip: '2' }] }), {
    metadata: { uid: 'u' },
    status: { podIPs: [{ ip: '2' }, { $patch: 'replace' }] },
  });
});
