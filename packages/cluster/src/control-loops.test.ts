// Our controllers and scheduler beside a server they reach only by its address, as beside kube-apiserver.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { waitFor } from '@tiphys/client';
import { realRuntime } from '@tiphys/runtime';
import { createAuthority } from './certificates/x509.ts';
import { createToken, startCluster, startControlLoops } from './index.ts';
import { authorityHash, CLUSTER_INFO } from './join/discovery.ts';

const HOUR_MS = 3_600_000;

function accountKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

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
  await using loops = startControlLoops({
    kubeconfig: cluster.kubeconfig,
    serviceAccountKeyPem: accountKey(),
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

test('machines can join a server that is not ours when the loops beside it are told where it is', async () => {
  await using cluster = await startCluster({ nodes: 0, runtime: 'none', controllers: 'none', scheduler: 'none' });
  const runtime = realRuntime();
  const authority = createAuthority(runtime, 'kubernetes', HOUR_MS);
  await using loops = startControlLoops({
    kubeconfig: cluster.kubeconfig,
    scheduler: false,
    serviceAccountKeyPem: accountKey(),
    rootCertificatePem: authority.certificatePem,
    joinable: {
      server: 'https://192.0.2.1:6443',
      authority,
      configuration: { podCidr: '10.0.0.0/16', serviceCidr: '10.96.0.0/12', clusterDomain: 'cluster.local' },
    },
  });
  await loops.ready;
  const invitation = await createToken(loops.client, runtime, HOUR_MS);
  assert.deepEqual([invitation.server, invitation.authorityHash], ['https://192.0.2.1:6443', authorityHash(authority.certificatePem)]);
  // What a machine believes, and the range it needs, come from the controllers.
  const signature = `jws-kubeconfig-${invitation.token.split('.')[0]}`;
  const { clock } = runtime;
  const infos = loops.client.informer(corev1.configmaps, { namespace: CLUSTER_INFO.namespace });
  await waitFor(infos, CLUSTER_INFO.name, (map) => map?.data?.[signature] !== undefined, { clock, namespace: CLUSTER_INFO.namespace });
  await loops.client.of(corev1.nodes).create({ metadata: { name: 'second' } });
  const nodes = loops.client.informer(corev1.nodes);
  const node = await waitFor(nodes, 'second', (each) => each?.spec?.podCIDR !== undefined, { clock });
  assert.equal(node!.spec!.podCIDR, '10.0.0.0/24');
});
