import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { createAuthority } from '../certificates/x509.ts';
import { authorityHash, isSigned, trustedAuthority } from './discovery.ts';
import { newToken, parseToken, tokenFacts, tokenSecret, tokenText } from './token.ts';

const runtime = realRuntime();
const token = { id: 'abcdef', secret: '0123456789abcdef' };
const text = (value: object | string) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function signatureOf(content: string, header: object = { alg: 'HS256', kid: token.id }, secret = token.secret): string {
  const mac = createHmac('sha256', secret)
    .update(`${text(header)}.${text(content)}`)
    .digest('base64url');
  return `${text(header)}..${mac}`;
}

const authority = createAuthority(runtime, 'kubernetes', 3_600_000).certificatePem;
const kubeconfig = JSON.stringify({ clusters: [{ cluster: { 'certificate-authority-data': Buffer.from(authority).toString('base64') } }] });
const signed = { kubeconfig, 'jws-kubeconfig-abcdef': signatureOf(kubeconfig) };

test('a signature holds for its content, token and algorithm only', () => {
  assert.equal(isSigned('x', signatureOf('x'), token), true);
  for (const [content, signature] of [
    ['y', signatureOf('x')],
    ['x', signatureOf('x', { alg: 'HS256', kid: token.id }, 'fedcba9876543210')],
    ['x', signatureOf('x', { alg: 'HS256', kid: 'others' })],
    ['x', signatureOf('x', { alg: 'none', kid: token.id })],
    ['x', signatureOf('x').replace('..', `.${text('x')}.`)],
    ['x', `${text({ alg: 'HS256', kid: token.id })}..`],
    ['x', 'nonsense'],
    ['x', ''],
  ] as const)
    assert.equal(isSigned(content, signature, token), false, signature);
});

test('the authority is trusted when signature and hash fit, and else is told why not', () => {
  assert.equal(trustedAuthority(signed, token), authority);
  assert.equal(trustedAuthority(signed, token, authorityHash(authority)), authority);
  assert.throws(() => trustedAuthority({ kubeconfig }, token), /knows no token "abcdef": it is wrong, has expired or was deleted/);
  assert.throws(() => trustedAuthority({ ...signed, kubeconfig: `${kubeconfig} ` }, token), /not signed with the token/);
  assert.throws(() => trustedAuthority(signed, token, `sha256:${'0'.repeat(64)}`), /another cluster/);
});

test('a token is read as it was written, and its secret is not shown', () => {
  const made = newToken(runtime.random);
  assert.deepEqual(parseToken(tokenText(made)), made);
  for (const wrong of ['', 'abcdef', 'abcdef.0123456789abcde', 'ABCDEF.0123456789abcdef'])
    assert.throws(() => parseToken(wrong), /ID\.SECRET/);
  const facts = tokenFacts(tokenSecret(made, 0));
  assert.deepEqual([facts.id, facts.expires, facts.usages], [made.id, '1970-01-01T00:00:00Z', ['authentication', 'signing']]);
  assert.ok(!JSON.stringify(facts).includes(made.secret));
});
