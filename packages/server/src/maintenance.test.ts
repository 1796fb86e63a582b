// What the clock makes the server do: history lasts five minutes, events an hour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPACTION_INTERVAL_MS, COMPACTION_STEP_MS } from './maintenance.ts';
import { configMap, testServer } from './verbs/testing.ts';

const MAPS = '/api/v1/namespaces/a/configmaps';

test('history is kept for five minutes and not much longer', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('one'));
  await t.ask('POST', MAPS, configMap('two'));
  const { metadata } = await t.ask('GET', `${MAPS}?limit=1`);
  await t.ask('POST', MAPS, configMap('three'));
  const rest = () => t.ask('GET', `${MAPS}?limit=1&continue=${metadata.continue}`);
  await t.clock.advance(COMPACTION_INTERVAL_MS - 1);
  assert.deepEqual((await rest()).items.length, 1);
  await t.clock.advance(COMPACTION_STEP_MS + 1);
  assert.equal((await rest()).code, 410);
});

test('events are taken away after an hour without a change', async () => {
  await using t = await testServer();
  const events = '/api/v1/namespaces/a/events';
  const involvedObject = { kind: 'Pod', name: 'p', namespace: 'a' };
  for (const name of ['old', 'kept']) await t.ask('POST', events, { metadata: { name }, involvedObject, reason: 'R' });
  await t.clock.advance(59 * 60_000);
  const headers = { 'content-type': 'application/merge-patch+json' };
  await t.ask('PATCH', `${events}/kept`, { message: 'again' }, headers);
  await t.clock.advance(2 * 60_000);
  const { items } = await t.ask('GET', events);
  assert.deepEqual(
    items.map((event: any) => event.metadata.name),
    ['kept'],
  );
});
