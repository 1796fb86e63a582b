import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionText } from './connection-text.ts';

test('failures to connect are told in Go’s words', () => {
  const error = (more: object) => Object.assign(new Error('as Node says it'), more);
  const cases: [object, string][] = [
    [{ code: 'ECONNREFUSED', address: '10.0.0.1', port: 443 }, 'dial tcp 10.0.0.1:443: connect: connection refused'],
    [{ code: 'EHOSTUNREACH', address: 'fd00::1', port: 443 }, 'dial tcp [fd00::1]:443: connect: no route to host'],
    [{ code: 'ENOTFOUND', hostname: 'nowhere' }, 'dial tcp: lookup nowhere: no such host'],
    [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, 'tls: failed to verify certificate: x509: certificate signed by unknown authority'],
    [
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID', host: 'a.b.svc', cert: { subjectaltname: 'DNS:x, IP Address:10.0.0.1' } },
      'tls: failed to verify certificate: x509: certificate is valid for x, 10.0.0.1, not a.b.svc',
    ],
    [{}, 'as Node says it'],
  ];
  for (const [more, text] of cases) assert.equal(connectionText(error(more)), text);
});
