import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { matchesNodeAffinity, podRequests, tolerates } from './index.ts';

const container = (name: string, requests: Record<string, string>, restartPolicy?: string) => ({
  name,
  image: 'i',
  restartPolicy,
  resources: { requests },
});
const pod = (spec: Partial<corev1.PodSpec>): corev1.Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [], ...spec } as corev1.PodSpec,
});

test('a pod asks for its containers together, or for its largest init moment', () => {
  const asked = podRequests(
    pod({
      containers: [container('a', { cpu: '100m', memory: '1Gi' }), container('b', { cpu: '1' })],
      initContainers: [container('side', { cpu: '200m' }, 'Always'), container('init', { cpu: '3', memory: '1Mi' })],
      overhead: { cpu: '10m' },
    }),
  );
  assert.equal(asked.get('cpu'), 3210, 'init with the sidecar beside it, and the overhead');
  assert.equal(asked.get('memory'), 2 ** 30);
});

test('init containers before a sidecar do not count it', () => {
  const asked = podRequests(
    pod({
      containers: [container('a', { cpu: '1' })],
      initContainers: [container('init', { cpu: '1500m' }), container('side', { cpu: '1' }, 'Always')],
    }),
  );
  assert.equal(asked.get('cpu'), 2000);
});

test('tolerations', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  assert.ok(tolerates({ operator: 'Exists' }, taint));
  assert.ok(tolerates({ key: 'k', operator: 'Exists', effect: 'NoSchedule' }, taint));
  assert.ok(tolerates({ key: 'k', value: 'v' }, taint));
  assert.ok(!tolerates({ key: 'k', value: 'w' }, taint));
  assert.ok(!tolerates({ key: 'k', operator: 'Exists', effect: 'NoExecute' }, taint));
});

test('node selector and required affinity must both hold', () => {
  const node: corev1.Node = { metadata: { name: 'n1', labels: { zone: 'a', size: '5' } } };
  const affinity = (requirement: corev1.NodeSelectorRequirement) => ({
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
  });
  const holds = (spec: Partial<corev1.PodSpec>) => matchesNodeAffinity(pod(spec).spec!, node);
  assert.ok(holds({}));
  assert.ok(holds({ nodeSelector: { zone: 'a' }, affinity: affinity({ key: 'size', operator: 'Gt', values: ['4'] }) }));
  assert.ok(!holds({ nodeSelector: { zone: 'b' }, affinity: affinity({ key: 'size', operator: 'Gt', values: ['4'] }) }));
  assert.ok(!holds({ affinity: affinity({ key: 'size', operator: 'Lt', values: ['5'] }) }));
  assert.ok(holds({ affinity: affinity({ key: 'other', operator: 'NotIn', values: ['x'] }) }));
  assert.ok(!holds({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } }));
  const byName = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] };
  assert.ok(holds({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: byName } } }));
});
