// Every controller acts as its own service account: without upstream's bootstrap role for it, all it does is forbidden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, rbacv1 } from '@tiphys/api';
import { builtinControllers, systemControllers } from '@tiphys/controllers';
import { startCluster } from './index.ts';

test('each controller has a role of its name', async () => {
  await using cluster = await startCluster({ nodes: 0, controllers: 'none' });
  const lists = await Promise.all([cluster.client.of(rbacv1.clusterroles).list({}), cluster.client.of(rbacv1.roles).list({})]);
  const roles = new Set(lists.flatMap(({ items }) => items.map((role) => role.metadata?.name)));
  const unused = () => assert.fail('nothing is signed here');
  const options = { rootCertificatePem: '', signToken: unused, certificateSigner: { sign: unused } as never };
  const names = [...systemControllers(options), ...builtinControllers()].filter((one) => one.user === undefined).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => !roles.has(`system:controller:${name}`)),
    [],
  );
});

test('a Secret of the legacy kind gets its token', async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const secrets = cluster.client.of(corev1.secrets);
  const annotations = { 'kubernetes.io/service-account.name': 'default' };
  const informer = cluster.client.informer(corev1.secrets);
  const filled = new Promise<corev1.Secret>((resolve) => {
    const check = (secret: corev1.Secret) => secret.data?.token && resolve(secret);
    informer.subscribe({ added: check, updated: check, deleted: () => undefined });
  });
  await secrets.create({ metadata: { name: 'legacy', namespace: 'default', annotations }, type: 'kubernetes.io/service-account-token' });
  assert.deepEqual(Object.keys((await filled).data ?? {}).sort(), ['ca.crt', 'namespace', 'token']);
});
