// What a machine is told that wants to become a server and can't; nothing is left of the attempt. What works is in join-server.e2e.test.ts.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { corev1, rbacv1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { realRuntime } from '@tiphys/runtime';
import { type Cluster, startCluster } from '../start-cluster.ts';
import { until } from '../testing/until.ts';
import { joinServer } from './join-server.ts';
import type { ServerParcel } from './server-parcel.ts';
import { createServerToken } from './server-token.ts';
import { parseToken, TOKEN_NAMESPACE, tokenText } from './token.ts';
import { createToken, deleteToken } from './tokens.ts';

const TTL_MS = 3_600_000;
const GONE_MS_MAX = 60_000;
const runtime = realRuntime();
const folder = mkdtempSync(join(tmpdir(), 'tiphys-join-server-'));
const directory = join(folder, 'second');
let cluster: Cluster;
let server: string;

before(async () => {
  cluster = await startCluster({ runtime: 'none', host: '127.0.0.2', port: 0, advertiseAddress: '127.0.0.2' });
  const { data } = await cluster.client.of(corev1.configmaps).get('cluster-info', 'kube-public');
  server = /https:\S+/.exec(data!.kubeconfig!)![0];
});
after(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true });
});

const parcel = (authority: string): ServerParcel => ({ version: 1, keys: { 'ca.crt': authority }, configuration: {}, files: {} });
const made = async (authority = 'another') => (await createServerToken(cluster.client, runtime, parcel(authority), TTL_MS)).token;

async function refused(token: string, why: RegExp): Promise<void> {
  await assert.rejects(joinServer({ directory, server, token }), why);
  assert.equal(existsSync(directory), false);
}

test('a token that is unknown, or wrong in any part', async () => {
  const token = await made();
  const [id, secret, key] = token.split('.') as [string, string, string];
  await refused(`zzzzzz.${secret}.${key}`, /knows no token "zzzzzz": it is wrong, has expired or was deleted/);
  await refused(`${id}.${'z'.repeat(secret.length)}.${key}`, /not signed with the token: either the token's second part is wrong/);
  await refused(`${id}.${secret}.${'z'.repeat(key.length)}`, /the token's third part is wrong/);
});

test('a node’s token, and a cluster whose state is a file', async () => {
  const { token } = await createToken(cluster.client, runtime, TTL_MS);
  await refused(token, /the state of the cluster at .* is a file on the server's machine.* tiphys restore --etcd/);
  const { id, secret } = parseToken(token);
  await refused(`${id}.${secret}.${'z'.repeat(50)}`, /the cluster keeps nothing for the token/);
});

test('keys of another cluster', () => made().then((token) => refused(token, /has another certificate authority/)));

test('a server’s token may read its own parcel alone, and takes it along when it is deleted', async () => {
  const [token, other] = [await made(), await made()];
  const { id } = parseToken(token);
  const asToken = cluster.clientOf(`system:bootstrap:${id}`, ['system:bootstrappers', 'system:authenticated']);
  const secrets = asToken.of(corev1.secrets);
  await secrets.get(`tiphys-server-${id}`, TOKEN_NAMESPACE);
  for (const name of [`tiphys-server-${parseToken(other).id}`, `bootstrap-token-${id}`])
    await assert.rejects(secrets.get(name, TOKEN_NAMESPACE), /is forbidden/);
  await assert.rejects(secrets.list({ namespace: TOKEN_NAMESPACE }), /is forbidden/);
  await deleteToken(cluster.client, tokenText(parseToken(token)));
  for (const type of [corev1.secrets, rbacv1.roles, rbacv1.rolebindings])
    await until(`the token's ${type.resource} are gone`, GONE_MS_MAX, () =>
      cluster.client
        .of<{ metadata?: object }>(type)
        .get(`tiphys-server-${id}`, TOKEN_NAMESPACE)
        .then(() => false, isNotFound),
    );
});
