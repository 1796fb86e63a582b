// The store over a real etcd: the suite, and what only several programs on one etcd show.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { realClock, silentLogger } from '@tiphys/runtime';
import type { Store, StoreOperation } from '../store.ts';
import { storeSuite } from '../suite.ts';
import { type EtcdProcess, skipWithoutEtcd, startEtcd } from '../testing/etcd-process.ts';
import { EtcdClient } from './client.ts';
import { Code, EtcdError } from './errors.ts';
import { type EtcdStore, openEtcdStore } from './etcd-store.ts';

const skip = skipWithoutEtcd();
const runtime = { clock: realClock(), log: silentLogger };
const bytes = (text: string) => Buffer.from(text);
let etcd: EtcdProcess;
let folders = 0;

before(async () => {
  if (!skip) [etcd] = (await startEtcd()) as [EtcdProcess];
});
after(() => etcd?.remove());

/** Each store has keys of its own, so that it starts empty. */
const open = (prefix: string): Promise<EtcdStore> => openEtcdStore({ runtime, endpoints: [etcd.endpoint], prefix });
const freshPrefix = () => `/tests/${folders++}`;

storeSuite('etcd', (): Promise<Store> => open(freshPrefix()), { skip, runs: 15, order: 'key' });

test('a second server sees the first one’s writes once it asks for the newest', { skip }, async () => {
  const prefix = freshPrefix();
  await using first = await open(prefix);
  await using second = await open(prefix);
  for (let i = 0; i < 20; i++) {
    const written = await first.commit({ type: 'put', key: '/registry/pods/a', value: bytes(`${i}`) });
    await second.fresh();
    assert.ok(written.ok && second.revision >= written.revision);
    assert.equal(Buffer.from((await second.get('/registry/pods/a'))!.value).toString(), `${i}`);
  }
});

test('a server that starts knows what happened shortly before', { skip }, async () => {
  const prefix = freshPrefix();
  await using first = await open(prefix);
  const start = first.revision;
  for (const value of ['1', '2']) await first.commit({ type: 'put', key: '/registry/pods/a', value: bytes(value) });
  await first.commit({ type: 'delete', key: '/registry/pods/a' });
  await using second = await open(prefix);
  const [one, two]: string[][] = [[], []];
  first.watch('/registry/', start, (events) => one.push(...events.map((event) => JSON.stringify(event))));
  second.watch('/registry/', start, (events) => two.push(...events.map((event) => JSON.stringify(event))));
  assert.equal(one.length, 3);
  assert.deepEqual(
    two.map((text) => JSON.parse(text).record.modRevision),
    one.map((text) => JSON.parse(text).record.modRevision),
  );
  await first.compact(first.revision - 1);
  await first.compact(first.revision - 1);
  await using third = await open(prefix);
  assert.ok(third.compactedRevision >= first.revision - 1);
});

test('a write whose answer is lost and which others have written over is found in history, or its outcome is said to be unknown', {
  skip,
}, async () => {
  const prefix = freshPrefix();
  await using store = await open(prefix);
  await using other = await open(prefix);
  const key = '/registry/pods/a';
  /** `mine` carries out the write, whose answer never comes. */
  const losing = async (operation: StoreOperation, meanwhile: (mine: () => Promise<unknown>) => Promise<unknown>) => {
    const { client } = store;
    const txn = client.txn.bind(client);
    client.txn = async (request) => {
      client.txn = txn;
      await meanwhile(() => txn(request));
      throw new EtcdError(Code.UNAVAILABLE, 'the answer was lost', client.endpoint);
    };
    return store.commit(operation);
  };
  const put = (value: string, expectedRevision: number): StoreOperation => ({ type: 'put', key, value: bytes(value), expectedRevision });
  const theirs = (value: string) => other.commit({ type: 'put', key, value: bytes(value) });
  const remove = () => other.commit({ type: 'delete', key });
  const present = async () => {
    await store.fresh();
    return (await store.get(key))!.modRevision;
  };

  const created = await losing(put('1', 0), async (mine) => [await mine(), await theirs('2')]);
  assert.ok(created.ok && created.revision === (await present()) - 1, 'it was created, and changed since');
  const updated = await losing(put('3', await present()), async (mine) => [await mine(), await theirs('4')]);
  assert.ok(updated.ok && updated.revision === (await present()) - 1, 'it was changed, and changed since');
  const refused = await losing(put('5', await present()), async (mine) => [await theirs('6'), await mine()]);
  assert.ok(!refused.ok && refused.current?.modRevision === (await present()), 'another was first');
  const erasure: StoreOperation = { type: 'delete', key, expectedRevision: await present() };
  await assert.rejects(
    losing(erasure, async (mine) => [await mine(), await theirs('7')]),
    /not known whether this was written: it was deleted, and it is not known by whose hand/,
  );
  assert.equal(Buffer.from((await store.get(key))!.value).toString(), '7', 'what was created afterwards is not deleted');
  await remove();
  await assert.rejects(
    losing(put('8', 0), () => theirs('9')),
    /not known whether this was written: something else was created meanwhile/,
  );
});

test('writes of others outside the prefix do not keep anyone waiting', { skip }, async () => {
  await using store = await open(freshPrefix());
  await using other = await open(freshPrefix());
  const written = await other.commit({ type: 'put', key: '/registry/pods/a', value: bytes('x') });
  await store.fresh();
  assert.ok(written.ok && store.revision >= written.revision);
});

test('records with a time to live share leases and end by themselves', { skip }, async () => {
  const prefix = freshPrefix();
  await using store = await open(prefix);
  const commit = (key: string, ttlSeconds: number) => store.commit({ type: 'put', key, value: bytes('x'), ttlSeconds });
  await Promise.all([commit('/registry/events/a', 3600), commit('/registry/events/b', 3600)]);
  const { kvs } = await store.client.range({ key: bytes(`${prefix}/`), rangeEnd: bytes(`${prefix}0`) });
  assert.ok(kvs![0]!.lease !== undefined && kvs![0]!.lease === kvs![1]!.lease);
  const ended = Promise.withResolvers<string>();
  store.watch('/registry/events/', store.revision, (events) => {
    for (const { type, record } of events) if (type === 'delete') ended.resolve(record.key);
  });
  await commit('/registry/events/short', 1);
  assert.equal(await ended.promise, '/registry/events/short');
  assert.equal((await store.list('/registry/')).records.length, 2);
});

test('an etcd of another cluster and one that nobody answers for are refused in words', { skip }, async () => {
  await assert.rejects(openEtcdStore({ runtime, endpoints: [etcd.endpoint], clusterId: 'abc' }), {
    name: 'OtherEtcdError',
    message: /is cluster [0-9a-f]+, and this cluster's state is in etcd cluster abc; nothing was changed/,
  });
  assert.throws(() => new EtcdClient({ clock: runtime.clock, endpoints: ['localhost'] }), /no etcd endpoint/);
});

test('what the members and their state are', { skip }, async () => {
  const client = new EtcdClient({ clock: runtime.clock, endpoints: [etcd.endpoint] });
  const [member] = await client.members();
  assert.deepEqual([member!.name, member!.clientUrls], ['m0', [etcd.endpoint]]);
  const status = await client.status();
  assert.ok(status.dbSize! > 0 && /^3\./.test(status.version!));
  await client.defragment();
  let size = 0;
  await client.snapshot((piece) => {
    size += piece.length;
  });
  assert.ok(size > status.header!.revision!);
  client.close();
});
