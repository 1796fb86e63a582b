// The parts of the transport that need no server; the whole of it is tried by the command line's tests.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import fc from 'fast-check';
import { eventDecoder, isWatch } from './answer.ts';
import { ConnectionError } from './connection-error.ts';
import { execPlugin, TOKEN_FILE_FRESH_MS, tokenFile } from './credentials.ts';
import { httpsHandler, impersonationHeaders, warningTexts } from './https-handler.ts';

test('events arrive whole however their bytes are cut', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }), (names, cuts) => {
      const events = names.map((name) => ({ type: 'ADDED', object: { metadata: { name } } }));
      const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      const decode = eventDecoder();
      const seen: unknown[] = [];
      for (let offset = 0, index = 0; offset < bytes.length; index++) {
        const length = 1 + cuts[index % cuts.length]!;
        seen.push(...decode(bytes.subarray(offset, offset + length)));
        offset += length;
      }
      assert.deepEqual(seen, events);
    }),
  );
});

test('only a watch parameter makes a watch', () => {
  assert.equal(isWatch('/api/v1/pods?limit=1&watch=true'), true);
  assert.equal(isWatch('/api/v1/pods?watch=1&a=b'), true);
  assert.equal(isWatch('/api/v1/pods?watch=false'), false);
  assert.equal(isWatch('/api/v1/pods/watch?stopwatch=true'), false);
});

test('warnings are read out of one header or many', () => {
  assert.deepEqual(warningTexts('299 - "a, \\"b\\"", 299 - "c"'), ['a, "b"', 'c']);
  assert.deepEqual(warningTexts(['299 - "a"', '299 - "b"']), ['a', 'b']);
  assert.deepEqual(warningTexts(undefined), []);
});

test('impersonation names the user, groups and extras, but not what the server adds', () => {
  assert.deepEqual(impersonationHeaders({ name: 'bob', groups: ['dev', 'system:authenticated'], extra: { 'a/b': ['c'] } }), {
    'impersonate-user': 'bob',
    'impersonate-group': ['dev'],
    'impersonate-extra-a%2Fb': ['c'],
  });
});

test('a token file is read again after a while, and the last token does while the file is away', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'token-'));
  const path = join(folder, 'token');
  const clock = virtualClock();
  const source = tokenFile(path, clock);
  await assert.rejects(source.current(), /failed to read token file/);
  writeFileSync(path, 'one\n');
  assert.equal((await source.current()).authorization, 'Bearer one');
  writeFileSync(path, 'two');
  assert.equal((await source.current()).authorization, 'Bearer one');
  await clock.advance(TOKEN_FILE_FRESH_MS);
  assert.equal((await source.current()).authorization, 'Bearer two');
  rmSync(folder, { recursive: true });
  await clock.advance(TOKEN_FILE_FRESH_MS);
  assert.equal((await source.current()).authorization, 'Bearer two');
});

test('a credential plugin is asked once until its credential ends', async () => {
  const clock = virtualClock();
  const expires = new Date(clock.now() + 60_000).toISOString();
  const apiVersion = 'client.authentication.k8s.io/v1';
  const script = `console.log(JSON.stringify({ apiVersion: '${apiVersion}', kind: 'ExecCredential', status: { token: process.env.WORD + process.pid, expirationTimestamp: '${expires}' } }))`;
  const plugin = {
    apiVersion,
    command: process.execPath,
    args: ['-e', script],
    env: [{ name: 'WORD', value: 'w' }],
    interactiveMode: 'Never',
  };
  const source = execPlugin({ plugin, clock, environment: {} });
  const first = (await source.current()).authorization!;
  assert.match(first, /^Bearer w\d+$/);
  assert.equal((await source.current()).authorization, first);
  await clock.advance(60_000);
  assert.notEqual((await source.current()).authorization, first);
  const broken = execPlugin({ plugin: { ...plugin, args: ['-e', 'process.exit(3)'] }, clock, environment: {} });
  await assert.rejects(broken.current(), /failed with exit code 3/);
});

test('a server that is not there is a connection error in the words of Go', async () => {
  const handler = httpsHandler({ server: 'https://127.0.0.1:1', clock: virtualClock() });
  await assert.rejects(handler.handle({ method: 'GET', url: '/version', headers: {} }), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.message, 'dial tcp 127.0.0.1:1: connect: connection refused');
    return error.code === 'ECONNREFUSED' && error.address === '127.0.0.1:1';
  });
  await handler.close();
});
