import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod } from '../../test/pods.ts';
import { problemsOf } from './admission.ts';

const node: corev1.Node = { metadata: { name: 'n' }, status: { allocatable: { cpu: '2', memory: '1Gi', pods: '2' } } };
const admitPod = (...of: Parameters<typeof problemsOf>) => problemsOf(...of)[0];
const asking = (cpu: string) => pod({ containers: [container('c', { resources: { requests: { cpu } } })] });

test('what does not fit is refused with upstream’s words', () => {
  assert.equal(admitPod(asking('1'), node, [asking('1')]), undefined);
  assert.deepEqual(admitPod(asking('1500m'), node, [asking('1')]), {
    reason: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
    shortage: { resource: 'cpu', missing: 500 },
  });
  assert.equal(admitPod(pod(), node, [pod(), pod()])?.reason, 'OutOfpods');
  assert.deepEqual(admitPod(pod({ nodeSelector: { zone: 'a' } }), node, []), {
    reason: 'NodeAffinity',
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  });
  const port = pod({ containers: [container('c', { ports: [{ containerPort: 80, hostPort: 80 }] })] });
  assert.equal(admitPod(port, node, [port])?.reason, 'NodePorts');
});
