// LIST and WATCH as transcripts: what is told, in which order, at which revision.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANGES_PER_BOOKMARK } from '../cache/turns.ts';
import { configMap, MERGE, testServer } from './testing.ts';

const MAPS = '/api/v1/namespaces/a/configmaps';

test('a watch tells what is there, marks the end of it, and goes on with what happens', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one'));
  const { lines } = await t.watch(`${MAPS}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
  await t.ask('POST', MAPS, configMap('two'));
  await t.ask('PATCH', `${MAPS}/two`, { data: { x: 'y' } }, MERGE);
  await t.ask('POST', '/api/v1/namespaces/b/configmaps', configMap('elsewhere'));
  await t.ask('DELETE', `${MAPS}/two`);
  await t.clock.advance(60_000);
  assert.deepEqual(lines, [
    'ADDED one 2',
    'BOOKMARK - 2 initial-events-end',
    'ADDED two 3',
    'MODIFIED two 4',
    'DELETED two 6',
    'BOOKMARK - 6',
  ]);
});

test('a watch from a revision repeats nothing and misses nothing', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one'));
  await t.ask('POST', MAPS, configMap('two'));
  const { lines } = await t.watch(`${MAPS}?watch=1&resourceVersion=2`);
  await t.ask('DELETE', `${MAPS}/one`);
  await t.clock.advance(0);
  assert.deepEqual(lines, ['ADDED two 3', 'DELETED one 4']);
});

test('objects that begin or cease to match a selector are told as added and deleted', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one', {}, { tier: 'web' }));
  const live = await t.watch(`${MAPS}?watch=1&labelSelector=tier%3Ddb`);
  await t.ask('PATCH', `${MAPS}/one`, { metadata: { labels: { tier: 'db' } } }, MERGE);
  await t.ask('PATCH', `${MAPS}/one`, { data: { x: 'y' } }, MERGE);
  await t.ask('PATCH', `${MAPS}/one`, { metadata: { labels: { tier: 'web' } } }, MERGE);
  await t.ask('PATCH', `${MAPS}/one`, { data: { x: 'z' } }, MERGE);
  await t.clock.advance(0);
  const expected = ['ADDED one 3', 'MODIFIED one 4', 'DELETED one 5'];
  assert.deepEqual(live.lines, expected);
  // The object that left is shown as it last matched.
  assert.equal(live.events.at(-1)!.object.metadata!.labels!.tier, 'db');
  const replayed = await t.watch(`${MAPS}?watch=1&labelSelector=tier%3Ddb&resourceVersion=2`);
  assert.deepEqual(replayed.lines, expected);
});

test('who wants one value of a field hears of objects that have it, get it or lose it', async () => {
  await using t = await testServer();
  const events = '/api/v1/namespaces/a/events';
  const watchOf = (reason: string) => t.watch(`/api/v1/events?watch=1&fieldSelector=reason%3D${reason}`);
  const [a, b, again, c] = [await watchOf('A'), await watchOf('B'), await watchOf('B'), await watchOf('C')];
  const involvedObject = { kind: 'Pod', name: 'p', namespace: 'a' };
  await t.ask('POST', events, { metadata: { name: 'e' }, involvedObject, reason: 'A' });
  await t.ask('PATCH', `${events}/e`, { message: 'm' }, MERGE);
  await t.ask('PATCH', `${events}/e`, { reason: 'B' }, MERGE);
  await t.clock.advance(0);
  again.stop();
  await t.ask('DELETE', `${events}/e`);
  await t.clock.advance(0);
  assert.deepEqual(a.lines, ['ADDED e 2', 'MODIFIED e 3', 'DELETED e 4']);
  assert.deepEqual(b.lines, ['ADDED e 4', 'DELETED e 5']);
  assert.deepEqual(again.lines, ['ADDED e 4']);
  assert.deepEqual(c.lines, []);
  await t.server.close();
  assert.deepEqual([a.ended(), b.ended(), again.ended()], [true, true, false]);
});

test('whom many changes do not concern is told how far they went, each watch in its turn', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one'));
  const quiet = `${MAPS}?watch=1&labelSelector=tier%3Dnone&resourceVersion=2`;
  const watches = [await t.watch(`${quiet}&allowWatchBookmarks=true`), await t.watch(`${quiet}&allowWatchBookmarks=true`)];
  const unasked = await t.watch(quiet);
  const half = CHANGES_PER_BOOKMARK / 2;
  const change = async (from: number) => {
    const writes = Array.from({ length: half }, (_, index) => t.ask('POST', MAPS, configMap(`m${from + index}`)));
    await Promise.all(writes);
    await t.clock.advance(0);
  };
  await change(0);
  assert.deepEqual(watches.map(({ lines }) => lines.length).sort(), [0, 1]);
  await change(half);
  assert.deepEqual(watches.map(({ lines }) => lines.length).sort(), [1, 1]);
  assert.match(watches[1]!.lines[0]!, /^BOOKMARK - \d+$/);
  assert.deepEqual(unasked.lines, []);
  const marked = watches[0]!.events[0]!.object.metadata!.resourceVersion!;
  const back = await t.watch(`${quiet.replace('resourceVersion=2', `resourceVersion=${marked}`)}`);
  assert.deepEqual(back.lines, []);
});

test("a watch from a forgotten revision gets upstream's error, and ends", async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one'));
  await t.ask('POST', MAPS, configMap('two'));
  await t.store.compact(t.store.revision);
  const { lines, events, ended } = await t.watch(`${MAPS}?watch=1&resourceVersion=2`);
  await t.clock.advance(0);
  assert.deepEqual(lines, ['ERROR too old resource version: 2 (3)']);
  assert.equal((events[0]!.object as { code?: number }).code, 410);
  assert.ok(ended());
});

test('a watch ends when its time is over, with a bookmark before', async () => {
  await using t = await testServer();
  const { lines, ended } = await t.watch(`${MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=90&resourceVersion=1`);
  await t.clock.advance(89_999);
  assert.ok(!ended());
  await t.clock.advance(1);
  assert.ok(ended());
  assert.deepEqual(lines, ['BOOKMARK - 1', 'BOOKMARK - 1']);
});

test('pages hold at one revision; after compaction the rest can be had without consistency', async () => {
  await using t = await testServer();
  for (const name of ['c', 'a', 'd', 'b']) await t.ask('POST', MAPS, configMap(name));
  const first = await t.ask('GET', `${MAPS}?limit=2`);
  assert.deepEqual(
    [first.items.map((i: any) => i.metadata.name), first.metadata.remainingItemCount, first.metadata.resourceVersion],
    [['a', 'b'], 2, '5'],
  );
  await t.ask('DELETE', `${MAPS}/c`);
  await t.ask('POST', MAPS, configMap('e'));
  const next = `${MAPS}?limit=500&continue=${first.metadata.continue}`;
  const second = await t.ask('GET', next);
  assert.deepEqual(
    [second.items.map((i: any) => i.metadata.name), second.metadata.resourceVersion, second.metadata.continue],
    [['c', 'd'], '5', undefined],
  );
  await t.store.compact(t.store.revision);
  const expired = await t.ask('GET', next);
  assert.deepEqual([expired.code, expired.reason], [410, 'Expired']);
  assert.match(expired.message, /^The provided continue parameter is too old to display a consistent list result\./);
  const rest = await t.ask('GET', `${MAPS}?limit=500&continue=${expired.metadata.continue}`);
  assert.deepEqual([rest.items.map((i: any) => i.metadata.name), rest.metadata.resourceVersion], [['d', 'e'], '7']);
});

test('lists of the past, of the future, and with contradictory options', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('a'));
  await t.ask('POST', MAPS, configMap('b'));
  const past = await t.ask('GET', `${MAPS}?resourceVersion=2&resourceVersionMatch=Exact`);
  assert.deepEqual([past.items.length, past.metadata.resourceVersion], [1, '2']);
  const future = await t.ask('GET', `${MAPS}?resourceVersion=99`);
  assert.deepEqual(
    [future.code, future.message, future.details.causes[0].reason],
    [504, 'Too large resource version: 99, current: 3', 'ResourceVersionTooLarge'],
  );
  const invalid = await t.ask('GET', `${MAPS}?resourceVersionMatch=Exact`);
  assert.equal(
    invalid.message,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  );
  assert.equal((await t.ask('GET', `${MAPS}?continue=nonsense`)).code, 400);
  assert.match((await t.ask('GET', `${MAPS}?fieldSelector=spec.x%3Dy`)).message, /spec\.x/);
});

test('field selectors choose by name and namespace', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('a'));
  await t.ask('POST', MAPS, configMap('b'));
  await t.ask('POST', '/api/v1/namespaces/b/configmaps', configMap('a'));
  const keys = async (url: string) => (await t.ask('GET', url)).items.map((i: any) => `${i.metadata.namespace}/${i.metadata.name}`);
  assert.deepEqual(await keys('/api/v1/configmaps?fieldSelector=metadata.name%3Da'), ['a/a', 'b/a']);
  assert.deepEqual(await keys('/api/v1/configmaps?fieldSelector=metadata.namespace%3Db'), ['b/a']);
  assert.deepEqual(await keys(`${MAPS}?fieldSelector=metadata.name!%3Da`), ['a/b']);
});

test('a watch of a resource that is no longer served ends', async () => {
  await using t = await testServer();
  const { ended } = await t.watch(`${MAPS}?watch=1`);
  t.server.removeDefinition({ group: '', version: 'v1', resource: 'configmaps' });
  assert.ok(ended());
  assert.equal((await t.ask('GET', MAPS)).code, 404);
});

test('events are taken away when their time is over', async () => {
  await using t = await testServer();
  const events = '/api/v1/namespaces/a/events';
  const involvedObject = { kind: 'Pod', name: 'p', namespace: 'a' };
  const created = await t.ask('POST', events, { metadata: { name: 'e' }, involvedObject, reason: 'r', type: 'Normal', message: 'm' });
  assert.equal(created.metadata?.name, 'e', JSON.stringify(created));
  await t.clock.advance(59 * 60_000);
  assert.equal((await t.ask('GET', events)).items.length, 1);
  await t.clock.advance(3 * 60_000);
  assert.equal((await t.ask('GET', events)).items.length, 0);
});
