// A Deployment's life on the real server: created, updated, rolled back, scaled, with the ReplicaSet controller beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { replicaSetController } from '../replicaset/replicaset-controller.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { template } from '../testing/objects.ts';
import { deploymentController } from './deployment-controller.ts';
import { isComplete } from './status.ts';

const complete = (d: appsv1.Deployment) => isComplete(d, d.status);

function web(replicas: number, image: string): appsv1.Deployment {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template(image) },
  };
}

test('rolls out, updates, rolls back and scales', async () => {
  await using cluster = await startTestCluster([deploymentController, replicaSetController]);
  const deployments = cluster.client.of(appsv1.deployments);
  await deployments.create(web(3, 'web:1'));
  const first = await cluster.until(appsv1.deployments, 'web', complete);
  assert.equal(first.metadata?.annotations?.['deployment.kubernetes.io/revision'], '1');
  assert.deepEqual(first.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`).sort(), [
    'Available True MinimumReplicasAvailable',
    'Progressing True NewReplicaSetAvailable',
  ]);

  const newImage = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'web:2' }];
  await deployments.patch('web', 'default', 'json', newImage);
  const second = await cluster.until(appsv1.deployments, 'web', (d) => d.metadata?.generation === 2 && complete(d));
  assert.equal(second.metadata?.annotations?.['deployment.kubernetes.io/revision'], '2');
  const sets = await cluster.client.of(appsv1.replicasets).list({ namespace: 'default' });
  assert.deepEqual(sets.items.map((set) => set.spec?.replicas).sort(), [0, 3]);

  await deployments.patch('web', 'default', 'json', [{ ...newImage[0], value: 'web:1' }]);
  const third = await cluster.until(appsv1.deployments, 'web', (d) => d.metadata?.generation === 3 && complete(d));
  assert.equal(third.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');

  await deployments.patch('web', 'default', 'merge', { spec: { replicas: 1 } });
  await cluster.until(appsv1.deployments, 'web', (d) => d.metadata?.generation === 4 && complete(d));
  const pods = await cluster.untilAll(corev1.pods, (all) => all.length === 1);
  assert.equal(pods[0]?.spec?.containers[0]?.image, 'web:1');

  const events = await cluster.untilAll(corev1.events, (all) => all.some((event) => event.message?.endsWith('from 3 to 1')));
  const scaling = events.filter((event) => event.involvedObject.kind === 'Deployment');
  assert.ok(scaling.every((event) => event.reason === 'ScalingReplicaSet' && event.source?.component === 'deployment-controller'));
  assert.match(scaling[0]?.message ?? '', /^Scaled up replica set web-[a-z0-9]+ from 0 to 3$/);
});
