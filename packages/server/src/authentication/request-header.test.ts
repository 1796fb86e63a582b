import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import * as pem from '../../test/certificates.ts';
import { requestHeaderAuthenticator } from './request-header.ts';

const START = Date.UTC(2026, 10, 21, 12);
const proxies = {
  certificateAuthorityPem: pem.ca,
  allowedNames: ['ann'],
  usernameHeaders: ['X-Remote-User'],
  uidHeaders: ['X-Remote-Uid'],
  groupHeaders: ['X-Remote-Group'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
};
const chain = (text: string) => ({ address: '10.0.0.1', certificateChain: [new Uint8Array(new X509Certificate(text).raw)] });
const headers = {
  'x-remote-user': 'bob',
  'x-remote-uid': '42',
  'x-remote-group': 'dev, ops',
  'x-remote-extra-example.com%2fscopes': 'a, b',
};
const request = (certificate: string | undefined, more: Record<string, string> = headers) =>
  ({ method: 'GET', url: '/api', headers: more, ...(certificate ? { peer: chain(certificate) } : {}) }) as const;

test('a proxy with the right certificate says who asks', async () => {
  const authenticator = requestHeaderAuthenticator({ proxies, clock: virtualClock(START) });
  assert.deepEqual(await authenticator.authenticate(request(pem.user)), {
    name: 'bob',
    uid: '42',
    groups: ['dev', 'ops'],
    extra: { 'example.com/scopes': ['a', 'b'] },
  });
});

test('headers without a trusted certificate, another name or no user mean nothing', async () => {
  const authenticator = requestHeaderAuthenticator({ proxies, clock: virtualClock(START) });
  for (const certificate of [undefined, pem.stranger, pem.server, pem.plain]) {
    assert.equal(await authenticator.authenticate(request(certificate)), undefined);
  }
  assert.equal(await authenticator.authenticate(request(pem.user, {})), undefined);
});

test('the certificate counts only in its time', async () => {
  const clock = virtualClock(START);
  const authenticator = requestHeaderAuthenticator({ proxies: { ...proxies, allowedNames: [] }, clock });
  const kept = request(pem.short);
  assert.equal((await authenticator.authenticate(kept))?.name, 'bob');
  await clock.advance(2 * 24 * 3600 * 1000);
  assert.equal(await authenticator.authenticate(kept), undefined);
});
