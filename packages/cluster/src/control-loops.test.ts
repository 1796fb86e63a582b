// Our controllers and scheduler beside a server they reach only by its address, as beside kube-apiserver.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { appsv1 } from '@tiphys/api';
import { startCluster, startControlLoops } from './index.ts';

const web = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web' }] } },
  },
} as appsv1.Deployment;

test('a cluster without controllers and scheduler is run by those beside it', async () => {
  await using cluster = await startCluster({ nodes: 0, controllers: 'none', scheduler: 'none' });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await using loops = startControlLoops({
    kubeconfig: cluster.kubeconfig,
    serviceAccountKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    rootCertificatePem: 'none',
    simulatedNodes: 1,
  });
  await loops.ready;
  const deployments = cluster.client.informer(appsv1.deployments);
  const available = new Promise<appsv1.Deployment>((resolve) => {
    const check = (one: appsv1.Deployment) => one.status?.availableReplicas === 2 && resolve(one);
    deployments.subscribe({ added: check, updated: check });
  });
  await cluster.client.of(appsv1.deployments).create(web);
  assert.equal((await available).status?.readyReplicas, 2);
});
