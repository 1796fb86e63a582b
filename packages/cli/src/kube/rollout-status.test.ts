import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentProgress, statefulSetProgress } from './rollout-status.ts';

const deployment = (status: object, generation = 1) =>
  ({ metadata: { name: 'web', generation }, spec: { replicas: 3 }, status: { observedGeneration: 1, ...status } }) as never;

test('a deployment says how far it is', () => {
  const text = (status: object, generation?: number) => deploymentProgress(deployment(status, generation)).text;
  assert.equal(text({}, 2), 'Waiting for deployment spec update to be observed...');
  assert.equal(
    text({ updatedReplicas: 1, replicas: 3 }),
    'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
  );
  assert.equal(
    text({ updatedReplicas: 3, replicas: 4 }),
    'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
  );
  assert.equal(
    text({ updatedReplicas: 3, replicas: 3, availableReplicas: 2 }),
    'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
  );
  assert.deepEqual(deploymentProgress(deployment({ updatedReplicas: 3, replicas: 3, availableReplicas: 3 })), {
    text: 'deployment "web" successfully rolled out',
    done: true,
  });
  assert.throws(
    () => text({ conditions: [{ type: 'Progressing', reason: 'ProgressDeadlineExceeded' }] }),
    /exceeded its progress deadline/,
  );
});

test('a stateful set waits for its pods and its partition', () => {
  const set = (status: object, rollingUpdate?: object) =>
    ({
      metadata: { generation: 1 },
      spec: { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate } },
      status: { observedGeneration: 1, ...status },
    }) as never;
  assert.equal(statefulSetProgress(set({ readyReplicas: 1 })).text, 'Waiting for 2 pods to be ready...');
  assert.equal(
    statefulSetProgress(set({ readyReplicas: 3, updatedReplicas: 0 }, { partition: 2 })).text,
    'Waiting for partitioned roll out to finish: 0 out of 1 new pods have been updated...',
  );
  assert.ok(statefulSetProgress(set({ readyReplicas: 3, currentReplicas: 3, updateRevision: 'a', currentRevision: 'a' })).done);
});
