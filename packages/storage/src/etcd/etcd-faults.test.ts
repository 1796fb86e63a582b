// The store over a real etcd whose members die, that asks for certificates and passwords, or that has no space left.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { test } from 'node:test';
import { realClock, silentLogger } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { type EtcdProcess, skipWithoutEtcd, startEtcd } from '../testing/etcd-process.ts';
import { openEtcdStore } from './etcd-store.ts';

const skip = skipWithoutEtcd();
const runtime = { clock: realClock(), log: silentLogger };
const bytes = (text: string) => Buffer.from(text);

/** What etcdctl does to make passwords required. */
const PASSWORD_REQUIRED = [
  ['user/add', { name: 'root', password: 'secret' }],
  ['role/add', { name: 'root' }],
  ['user/grant', { user: 'root', role: 'root' }],
  ['enable', {}],
] as const;

/** A request to etcd's JSON gateway. */
async function ask(url: string, body: object): Promise<void> {
  const asked = request(url, { method: 'POST', rejectUnauthorized: false });
  asked.end(JSON.stringify(body));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}

async function removeAll(members: readonly EtcdProcess[]): Promise<void> {
  for (const member of members) await member.remove();
}

test('members die and fall silent in turn: every acknowledged write is there, and a watch hears each once and in order', {
  skip,
}, async () => {
  const members = await startEtcd(3);
  try {
    const endpoints = members.map(({ endpoint }) => endpoint);
    await using store = await openEtcdStore({ runtime, endpoints });
    const heard: number[] = [];
    store.watch('/registry/', store.revision, (events) => heard.push(...events.map(({ record }) => record.modRevision)));
    const acknowledged = new Map<string, number>();
    let going = true;
    const write = async (writer: number) => {
      for (let i = 0; going; i++) {
        const key = `/registry/${writer}/${i}`;
        try {
          const result = await store.commit({ type: 'put', key, value: bytes(`${writer} ${i}`), expectedRevision: 0 });
          assert.ok(result.ok, `${key} was there`);
          acknowledged.set(key, result.revision);
        } catch (error) {
          if (!(error instanceof Retryable)) throw error;
        }
      }
    };
    const writers = Promise.all([0, 1, 2, 3].map(write));
    const withoutOne = async (leave: () => unknown, comeBack: () => unknown) => {
      const before = acknowledged.size;
      await leave();
      while (acknowledged.size < before + 20) await store.fresh().catch(() => undefined);
      await comeBack();
    };
    for (const member of members) await withoutOne(member.kill, member.start);
    const asked = members.find(({ endpoint }) => endpoint === store.client.endpoint)!;
    await withoutOne(asked.pause, asked.resume);
    going = false;
    await writers;
    await using other = await openEtcdStore({ runtime, endpoints });
    for (const [key, revision] of acknowledged) assert.equal((await other.get(key))?.modRevision, revision, key);
    assert.deepEqual(
      heard,
      [...heard].sort((a, b) => a - b),
    );
    assert.equal(new Set(heard).size, heard.length);
    const known = new Set(heard);
    for (const [key, revision] of acknowledged) assert.ok(known.has(revision), `nobody heard of ${key}`);
  } finally {
    await removeAll(members);
  }
});

test('an endpoint that belongs to another etcd is never written to', { skip }, async () => {
  const [own] = await startEtcd();
  const [other] = await startEtcd();
  try {
    const alone = await openEtcdStore({ runtime, endpoints: [own!.endpoint] });
    const clusterId = alone.client.clusterId!;
    await alone[Symbol.asyncDispose]();
    await using store = await openEtcdStore({ runtime, endpoints: [own!.endpoint, other!.endpoint], clusterId });
    assert.ok((await store.commit({ type: 'put', key: '/registry/a', value: bytes('x') })).ok);
    await own!.kill();
    await assert.rejects(store.commit({ type: 'put', key: '/registry/b', value: bytes('x') }));
    await using elsewhere = await openEtcdStore({ runtime, endpoints: [other!.endpoint] });
    assert.deepEqual((await elsewhere.list('/registry/')).records, []);
    await own!.start();
    while (!(await store.commit({ type: 'put', key: '/registry/b', value: bytes('x') }).catch(() => undefined)));
    assert.deepEqual((await elsewhere.list('/registry/')).records, []);
  } finally {
    await removeAll([own!, other!]);
  }
});

test('certificates and passwords', { skip }, async () => {
  const members = await startEtcd(1, ['--auto-tls'], 'https');
  const [etcd] = members as [EtcdProcess];
  try {
    const authorityPem = await etcd.certificate();
    const options = { runtime, endpoints: [etcd.endpoint], authorityPem };
    {
      await using store = await openEtcdStore(options);
      assert.ok((await store.commit({ type: 'put', key: '/registry/a', value: bytes('x') })).ok);
    }
    for (const [path, body] of PASSWORD_REQUIRED) await ask(`${etcd.endpoint}/v3/auth/${path}`, body);
    await assert.rejects(openEtcdStore(options), { name: 'EtcdError', message: /user name is empty/ });
    await assert.rejects(openEtcdStore({ ...options, username: 'root', password: 'wrong' }), {
      message: /authentication failed, invalid user ID or password/,
    });
    await using store = await openEtcdStore({ ...options, username: 'root', password: 'secret' });
    assert.ok((await store.commit({ type: 'put', key: '/registry/a', value: bytes('y') })).ok);
    await store.fresh();
    const { authorityPem: _, ...untrusting } = options;
    await assert.rejects(openEtcdStore(untrusting), { message: /can't be reached: .*self-signed certificate/ });
  } finally {
    await removeAll(members);
  }
});

test('without space writes fail in words, and reads go on', { skip }, async () => {
  const members = await startEtcd(1, ['--quota-backend-bytes', String(2 * 1024 * 1024)]);
  try {
    await using store = await openEtcdStore({ runtime, endpoints: [members[0]!.endpoint] });
    const fill = async () => {
      for (let i = 0; i < 100; i++) await store.commit({ type: 'put', key: `/registry/${i}`, value: Buffer.alloc(200_000, 'x') });
    };
    await assert.rejects(fill(), { name: 'EtcdError', message: /etcd is out of space \(alarm NOSPACE\)/ });
    await store.fresh();
    assert.equal((await store.get('/registry/0'))!.value.length, 200_000);
  } finally {
    await removeAll(members);
  }
});
