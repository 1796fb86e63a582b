import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { taintsFor, unknownConditions } from './node-health.ts';

const NOW = Date.UTC(2026, 0, 1);
const node = (ready: string | undefined, spec: corev1.NodeSpec = {}): corev1.Node => ({
  metadata: { name: 'n', creationTimestamp: '2025-12-31T00:00:00Z' },
  spec,
  status: { conditions: ready ? [{ type: 'Ready', status: ready }] : [] },
});
const shown = (n: corev1.Node) => taintsFor(n, NOW).map((taint) => `${taint.key.split('/').at(-1)}:${taint.effect}`);

test('taints follow conditions; those of others stay', () => {
  assert.deepEqual(shown(node('True')), []);
  assert.deepEqual(shown(node('False')), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
  assert.deepEqual(shown(node('Unknown', { unschedulable: true })), [
    'unreachable:NoSchedule',
    'unschedulable:NoSchedule',
    'unreachable:NoExecute',
  ]);
  const own = [
    { key: 'team', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
  ];
  assert.deepEqual(shown(node('True', { taints: own })), ['team:NoSchedule']);
  const settled = node('True', { taints: [own[0]!] });
  assert.equal(taintsFor(settled, NOW), settled.spec!.taints, 'nothing to write');
});

test('a silent node becomes Unknown once', () => {
  const first = unknownConditions(node('True'), NOW)!;
  assert.deepEqual(
    first.map((c) => `${c.type} ${c.status} ${c.reason}`),
    [
      'Ready Unknown NodeStatusUnknown',
      'MemoryPressure Unknown NodeStatusNeverUpdated',
      'DiskPressure Unknown NodeStatusNeverUpdated',
      'PIDPressure Unknown NodeStatusNeverUpdated',
    ],
  );
  assert.equal(unknownConditions({ ...node('True'), status: { conditions: first } }, NOW), undefined);
});
