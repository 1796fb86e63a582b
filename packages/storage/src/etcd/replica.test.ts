// The replica against a watch that the test speaks for, so that it needs no etcd.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, virtualClock } from '@tiphys/runtime';
import type { StoreEvent } from '../store.ts';
import type { EtcdClient } from './client.ts';
import type { StreamHandlers } from './connection.ts';
import { Code, EtcdError } from './errors.ts';
import { keySpace } from './key-space.ts';
import { EventType, type KeyValue, type WatchRequest, type WatchResponse } from './messages.ts';
import { Replica } from './replica.ts';

const bytes = (text: string) => Buffer.from(text);
const pair = (key: string, modRevision: number, value = `v${modRevision}`): KeyValue => ({
  key: bytes(`/registry/${key}`),
  value: bytes(value),
  createRevision: modRevision,
  modRevision,
});
const put = (key: string, revision: number) => ({ kv: pair(key, revision) });
const gone = (key: string, modRevision: number) => ({ type: EventType.DELETE, kv: { key: bytes(`/registry/${key}`), modRevision } });
const told = ({ type, record, previous }: StoreEvent) =>
  `${type} ${record.key.slice('/registry/'.length)}@${record.modRevision} was ${previous?.modRevision ?? '-'}`;

/** What etcd holds, and the watch that is open. */
class Fake {
  present: KeyValue[] = [];
  revision = 1;
  readonly sent: WatchRequest[] = [];
  #handlers: StreamHandlers<WatchResponse> | undefined;
  endpoint = 'http://fake:1';
  left = 0;
  leave() {
    this.left++;
  }
  async range() {
    return { kvs: this.present, header: { revision: this.revision } };
  }
  async watch(handlers: StreamHandlers<WatchResponse>) {
    this.#handlers = handlers;
    return { send: (request: WatchRequest) => void this.sent.push(request), finish() {}, cancel: () => this.end() };
  }
  say(message: WatchResponse) {
    this.#handlers?.onMessage(message);
  }
  end(error?: EtcdError) {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.onEnd(error);
  }
}

async function opened(fake: Fake) {
  const clock = virtualClock();
  const replica = await Replica.open(fake as unknown as EtcdClient, keySpace(), clock, silentLogger);
  const events: string[] = [];
  const lost: string[][] = [];
  replica.view.watch(
    '/registry/',
    replica.view.revision,
    (all) => events.push(...all.map(told)),
    ({ records }) => lost.push(records.map(({ key }) => key)),
  );
  await clock.advance(0);
  fake.say({ created: true, header: { revision: fake.revision } });
  return { clock, replica, events, lost };
}

test('fragments of a revision are told together, and the header of events that are behind is not believed', async () => {
  const fake = new Fake();
  const { replica, events } = await opened(fake);
  fake.say({ events: [put('a', 2), put('b', 3)], fragment: true, header: { revision: 9 } });
  assert.deepEqual([events, replica.view.revision], [[], 1]);
  fake.say({ events: [gone('a', 3)], header: { revision: 9 } });
  assert.deepEqual([events, replica.view.revision], [['put a@2 was -', 'put b@3 was -', 'delete a@3 was 2'], 3]);
  await replica.close();
});

test('whoever waits for a revision that has no events asks for progress', async () => {
  const fake = new Fake();
  const { clock, replica } = await opened(fake);
  assert.equal(replica.reach(1), undefined);
  let reached = false;
  void replica.reach(5)!.then(() => {
    reached = true;
  });
  await clock.advance(50);
  assert.deepEqual(fake.sent.slice(1), [{ progressRequest: {} }]);
  fake.say({ header: { revision: 4 } });
  await clock.advance(0);
  assert.deepEqual([reached, replica.view.revision], [false, 4]);
  fake.say({ header: { revision: 6 } });
  await clock.advance(0);
  assert.deepEqual([reached, replica.view.revision], [true, 6]);
  await replica.close();
});

test('a watch that is lost, canceled or silent goes on at another member from where it was', async () => {
  const fake = new Fake();
  const { clock, replica, events } = await opened(fake);
  const starts = () => fake.sent.flatMap(({ createRequest }) => createRequest?.startRevision ?? []);
  fake.say({ events: [put('a', 2)] });
  fake.end(new EtcdError(Code.UNAVAILABLE, 'connection lost', 'http://fake:1'));
  await clock.advance(1000);
  fake.say({ created: true });
  fake.say({ canceled: true, cancelReason: 'etcdserver: permission denied' });
  await clock.advance(5000);
  fake.say({ events: [put('b', 3)] });
  const refused = assert.rejects(replica.reach(9)!, { name: 'Retryable', message: /tells no news/ });
  await clock.advance(12_000);
  await refused;
  assert.deepEqual(starts().slice(0, 4), [2, 3, 3, 4]);
  assert.ok(fake.left >= 3);
  assert.deepEqual(events, ['put a@2 was -', 'put b@3 was -']);
  await replica.close();
});

test('a watch that lags is waited for as long as it moves', async () => {
  const fake = new Fake();
  const { clock, replica } = await opened(fake);
  const reached = replica.reach(12)!;
  for (let revision = 2; revision <= 12; revision++) {
    await clock.advance(2000);
    fake.say({ events: [put('a', revision)] });
  }
  await reached;
  await replica.close();
});

test('what was compacted unseen is read anew, and watchers are told what there is', async () => {
  const fake = new Fake();
  const { clock, replica, lost, events } = await opened(fake);
  fake.present = [pair('b', 40)];
  fake.revision = 50;
  fake.say({ compactRevision: 45, canceled: true });
  await clock.advance(0);
  assert.deepEqual([lost, replica.view.revision, replica.view.compactedRevision], [[['/registry/b']], 50, 50]);
  fake.say({ events: [put('b', 51)] });
  assert.deepEqual(events, ['put b@51 was 40']);
  await replica.close();
});
