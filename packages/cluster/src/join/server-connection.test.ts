import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { realRuntime } from '@tiphys/runtime';
import { parse } from 'yaml';
import { startCluster } from '../start-cluster.ts';
import { withToken } from './server-connection.ts';
import { newToken, tokenSecret } from './token.ts';

const MINUTE_MS = 60_000;

test('a token that expired is told as that, and nothing is made with it', async () => {
  await using cluster = await startCluster({ port: 0, runtime: 'none' });
  const runtime = realRuntime();
  const encoded = parse(readFileSync(cluster.kubeconfig, 'utf8')).clusters[0].cluster['certificate-authority-data'];
  const server = { url: cluster.url, authority: Buffer.from(encoded, 'base64').toString() };
  const secrets = cluster.client.of(corev1.secrets);
  const [good, ended] = [newToken(runtime.random), newToken(runtime.random)];
  await secrets.create(tokenSecret(good, runtime.clock.now() + MINUTE_MS));
  await secrets.create(tokenSecret(ended, runtime.clock.now() - MINUTE_MS));
  const asked: string[] = [];
  const work = (name: string) => async (client: Parameters<Parameters<typeof withToken>[3]>[0]) => {
    await client
      .of(corev1.configmaps)
      .get('kubeadm-config', 'kube-system')
      .catch((error) => {
        if (error.code === 401) throw error;
      });
    asked.push(name);
  };
  await withToken(server, good, runtime, work('good'));
  await assert.rejects(withToken(server, ended, runtime, work('ended')), {
    name: 'ConfigurationError',
    message: new RegExp(`does not accept the token "${ended.id}": it has expired or was deleted; make another .* tiphys token create`),
  });
  assert.deepEqual(asked, ['good']);
});
