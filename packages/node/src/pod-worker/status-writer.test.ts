import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { realRuntime } from '@tiphys/runtime';
import { statusPatch, statusWriter } from './status-writer.ts';

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

test('what somebody else wrote over a status is noticed, and set right', async () => {
  let stored: corev1.Pod = { metadata: { name: 'p', namespace: 'default', uid: 'u', resourceVersion: '1' }, status: {} };
  let revision = 1;
  const change = (status: corev1.PodStatus) => {
    stored = { ...stored, metadata: { ...stored.metadata!, resourceVersion: String(++revision) }, status: { ...stored.status, ...status } };
    return stored;
  };
  const pods = {
    patch: async (_name: string, _namespace: string, _type: string, body: { status: corev1.PodStatus }) => change(body.status),
  };
  const writer = statusWriter({ of: () => pods } as never, realRuntime());
  const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] });
  writer.set(stored, ready('True'));
  await writer.written('u');
  assert.equal(writer.isOverwritten(stored), false);
  const overwritten = change(ready('False'));
  assert.equal(writer.isOverwritten(overwritten), true);
  writer.set(overwritten, ready('True'));
  await writer.written('u');
  assert.deepEqual(stored.status, ready('True'));
});
