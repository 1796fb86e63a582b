import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { evictionMs } from '../taint-eviction/taint-eviction-controller.ts';
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

test('pods go when their shortest toleration ends', () => {
  const pod = (tolerations: corev1.Toleration[]): corev1.Pod => ({ spec: { containers: [], tolerations } });
  const taint = { key: 'k', effect: 'NoExecute', timeAdded: '2025-12-31T23:59:00Z' };
  assert.equal(evictionMs(pod([]), [taint], NOW), NOW);
  assert.equal(evictionMs(pod([{ key: 'k', operator: 'Exists' }]), [taint], NOW), undefined);
  assert.equal(evictionMs(pod([{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }]), [taint], NOW), NOW + 240_000);
  assert.equal(
    evictionMs(
      pod([
        { key: 'k', operator: 'Exists' },
        { operator: 'Exists', tolerationSeconds: 10 },
      ]),
      [taint],
      NOW,
    ),
    NOW - 50_000,
  );
});
