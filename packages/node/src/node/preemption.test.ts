import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { container, pod } from '../../test/pods.ts';
import { podsToPreempt } from './preemption.ts';

const named = (name: string, resources: corev1.ResourceRequirements, priority = 0): corev1.Pod => ({
  ...pod({ priority, containers: [container('c', { resources })] }),
  metadata: { name, namespace: 'default', uid: name },
});
const burstable = (name: string, cpu: string, priority = 0) => named(name, { requests: { cpu } }, priority);
const guaranteed = (name: string, cpu: string) => named(name, { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } });
const critical = burstable('critical', '1', 2_000_000_000);
const chosen = (others: corev1.Pod[], missing: number, resource = 'cpu') =>
  podsToPreempt(critical, others, [{ resource, missing }])?.map(({ metadata }) => metadata!.name);

test('as few and as little as will do, those first that were promised least', () => {
  const [small, large, solid] = [burstable('small', '200m'), burstable('large', '800m'), guaranteed('solid', '1')];
  assert.deepEqual(chosen([small, large, solid], 150), ['small']);
  assert.deepEqual(chosen([small, large, solid], 700), ['large']);
  assert.deepEqual(chosen([small, large, solid], 900), ['large', 'small']);
  assert.deepEqual(chosen([small, solid], 900), ['solid']);
  assert.deepEqual(chosen([small, named('idle', {})], 1, 'pods'), ['idle']);
  assert.equal(chosen([small, large], 1100), undefined);
  assert.equal(chosen([burstable('equal', '2', 2_000_000_000)], 100), undefined);
});
