import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { call, startedServer, testSigner } from '../../test/server.ts';
import { until } from '../../test/until.ts';

test('a secret’s token passes until the secret is gone, and its use is written on the secret', async () => {
  await using server = await startedServer();
  const base = '/api/v1/namespaces/default';
  const account = await call(server, 'POST', `${base}/serviceaccounts`, { metadata: { name: 'robot' } });
  const token = testSigner.signLegacy({
    sub: 'system:serviceaccount:default:robot',
    'kubernetes.io/serviceaccount/namespace': 'default',
    'kubernetes.io/serviceaccount/secret.name': 'robot-token',
    'kubernetes.io/serviceaccount/service-account.name': 'robot',
    'kubernetes.io/serviceaccount/service-account.uid': account.object.metadata.uid,
  });
  const review = async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    return (await call(server, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', body)).object.status;
  };
  assert.equal((await review()).error, '[invalid bearer token, Token has been invalidated]');
  const secret = {
    metadata: { name: 'robot-token', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
    data: { token: Buffer.from(token).toString('base64') },
  };
  assert.equal((await call(server, 'POST', `${base}/secrets`, secret)).code, 201);
  assert.equal((await review()).user.username, 'system:serviceaccount:default:robot');
  const labels = () => server.reader.get(corev1.secrets, 'robot-token', 'default')?.metadata?.labels ?? {};
  assert.match(await until(() => labels()['kubernetes.io/legacy-token-last-used']), /^\d{4}-\d\d-\d\d$/);
  assert.equal((await review()).authenticated, true);
  await call(server, 'DELETE', `${base}/secrets/robot-token`);
  assert.equal((await review()).error, '[invalid bearer token, Token has been invalidated]');
});
