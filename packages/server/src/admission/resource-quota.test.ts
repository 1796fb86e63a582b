import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, type KubeObject } from '@tiphys/api';
import { isConflict } from '@tiphys/machinery';
import { virtualClock } from '@tiphys/runtime';
import type { Loopback } from '../bootstrap/loopback.ts';
import type { AdmissionAttributes } from '../interfaces.ts';
import { resourceQuota } from './resource-quota.ts';

const quotaUsing = (pods: string): corev1.ResourceQuota => ({
  metadata: { name: 'quota', namespace: 'default' },
  spec: { hard: { pods: '4' } },
  status: { hard: { pods: '4' }, used: { pods } },
});

test('until what is charged is written, nobody who counts what is there lowers what is used', async () => {
  let quota = quotaUsing('2');
  const client = { update: async (_: unknown, changed: corev1.ResourceQuota) => (quota = changed) } as unknown as Loopback;
  const plugin = resourceQuota({ clock: virtualClock(), client: () => client });
  const done: (() => void)[] = [];
  const attributes = (rest: Partial<AdmissionAttributes>): AdmissionAttributes => ({
    operation: 'CREATE',
    type: corev1.pods,
    subresource: '',
    namespace: 'default',
    name: 'pod',
    user: { name: 'somebody', groups: [] },
    dryRun: false,
    reader: { list: () => [quota as never], get: () => undefined, revisionOf: () => 0 },
    warn: () => {},
    whenDone: (act) => done.push(act),
    ...rest,
  });
  const counted = (pods: string) =>
    plugin.validate!(
      attributes({
        operation: 'UPDATE',
        type: corev1.resourcequotas,
        subresource: 'status',
        name: 'quota',
        object: quotaUsing(pods) as KubeObject,
        oldObject: quota as KubeObject,
      }),
    );
  const pod = { metadata: { name: 'pod', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } } as corev1.Pod;
  counted('1');
  await plugin.validate!(attributes({ object: pod }));
  assert.equal(quota.status?.used?.pods, '3');
  assert.throws(() => counted('2'), isConflict);
  counted('4');
  for (const act of done) act();
  counted('2');
});
