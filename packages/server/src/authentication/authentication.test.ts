import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import type { ApiRequest, UserInfo } from '@tiphys/machinery';
import type { RuleContext } from '@tiphys/registry';
import { seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import * as pem from '../../test/certificates.ts';
import { readerOf } from '../../test/reader-of.ts';
import { bearerTokenAuthenticator, parseTokenFile, staticTokenAuthenticator, unionTokenAuthenticator } from './bearer-token.ts';
import { bootstrapTokenAuthenticator } from './bootstrap-token.ts';
import { clientCertificateAuthenticator } from './client-certificate.ts';
import { decodeJwt } from './jwt.ts';
import { authenticationReviews } from './reviews.ts';
import { serviceAccountAuthenticator } from './service-account.ts';
import { tokenRequestHandler } from './token-request.ts';
import { createTokenSigner } from './token-signer.ts';
import { ANONYMOUS_USER, unionAuthenticator } from './union.ts';

const asPem = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } } as const;
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048, ...asPem }).privateKey;
const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256', ...asPem }).privateKey;
const START = Date.UTC(2026, 10, 21, 12);
const ISSUER = 'https://kubernetes.default.svc';
const request = (more: Partial<ApiRequest> = {}): ApiRequest => ({ method: 'GET', url: '/api', headers: {}, ...more });
const der = (text: string) => new Uint8Array(new X509Certificate(text).raw);
const withChain = (...chain: string[]) => request({ peer: { address: '10.0.0.1', certificateChain: chain.map(der) } });
const unauthorized = { code: 401, reason: 'Unauthorized' };

test('a client certificate names its user and groups', async () => {
  const clock = virtualClock(START);
  const authenticator = clientCertificateAuthenticator({ certificateAuthorityPem: pem.ca, clock });
  const user = await authenticator.authenticate(withChain(pem.user));
  assert.equal(user?.name, 'ann');
  assert.deepEqual(user?.groups, ['dev, ops', 'system:masters']);
  assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^X509SHA256=[0-9a-f]{64}$/);
  assert.equal((await authenticator.authenticate(withChain(pem.plain)))?.name, 'plain', 'no extended usage means every usage');
  assert.equal((await authenticator.authenticate(withChain(pem.below, pem.inter)))?.name, 'below', 'by an intermediate');
  assert.equal(await authenticator.authenticate(request()), undefined);
});

test('certificates of strangers, servers, non-authorities and other times are refused', async () => {
  const clock = virtualClock(START);
  const authenticator = clientCertificateAuthenticator({ certificateAuthorityPem: pem.ca, clock });
  const chains = [[pem.stranger], [pem.server], [pem.below], [pem.notca, pem.user]];
  for (const chain of chains) assert.throws(() => authenticator.authenticate(withChain(...chain)), unauthorized);
  const kept = withChain(pem.short);
  assert.equal((await authenticator.authenticate(kept))?.name, 'short');
  await clock.advance(2 * 24 * 3600 * 1000);
  assert.throws(() => authenticator.authenticate(kept), unauthorized, 'also on a connection that was fine before');
});

const account = { kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'ns', uid: 'sa-uid' } };
const pod = {
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'ns', uid: 'pod-uid' },
  spec: { serviceAccountName: 'robot', nodeName: 'n1' },
} as KubeObject;
const node = { kind: 'Node', metadata: { name: 'n1', uid: 'node-uid' } };

function world(privateKeyPem = rsaKey) {
  const clock = virtualClock(START);
  const reader = readerOf(account, pod, node);
  const signer = createTokenSigner({ privateKeyPem, issuer: ISSUER });
  const tokens = serviceAccountAuthenticator({ signer, reader, clock, apiAudiences: [ISSUER] });
  const user: UserInfo = { name: 'admin', groups: [] };
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  const context: RuleContext = { runtime, reader, user, namespace: 'ns', dryRun: false, warn: () => {} };
  const handler = tokenRequestHandler({ signer, apiAudiences: [ISSUER] });
  const issue = async (spec: object, name = 'robot'): Promise<any> => handler({ spec } as KubeObject, { name, namespace: 'ns' }, context);
  return { clock, reader, signer, tokens, context, issue };
}

for (const [kind, key] of [
  ['RSA', rsaKey],
  ['ECDSA', ecKey],
] as const) {
  test(`a bound token is issued and accepted (${kind})`, async () => {
    const { tokens, issue, signer } = world(key);
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'pod-uid' };
    const answer = await issue({ audiences: [ISSUER, 'vault'], expirationSeconds: 900, boundObjectRef });
    assert.equal(answer.status.expirationTimestamp, '2026-11-21T12:15:00Z');
    assert.deepEqual(answer.metadata, { name: 'robot', namespace: 'ns', uid: 'sa-uid', creationTimestamp: '2026-11-21T12:00:00Z' });
    const claims = decodeJwt(answer.status.token)!.claims;
    assert.deepEqual(claims['kubernetes.io'], {
      namespace: 'ns',
      node: { name: 'n1', uid: 'node-uid' },
      pod: { name: 'web', uid: 'pod-uid' },
      serviceaccount: { name: 'robot', uid: 'sa-uid' },
    });
    const result = await tokens.authenticateToken(answer.status.token, [ISSUER]);
    assert.deepEqual(result?.audiences, [ISSUER]);
    assert.equal(result?.user.name, 'system:serviceaccount:ns:robot');
    assert.deepEqual(result?.user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns']);
    assert.deepEqual(result?.user.extra, {
      'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`],
      'authentication.kubernetes.io/node-name': ['n1'],
      'authentication.kubernetes.io/node-uid': ['node-uid'],
      'authentication.kubernetes.io/pod-name': ['web'],
      'authentication.kubernetes.io/pod-uid': ['pod-uid'],
    });
    const [jwk] = (signer.jwks() as { keys: Record<string, string>[] }).keys;
    assert.equal(jwk!.kid, decodeJwt(answer.status.token)!.header.kid);
    assert.equal(jwk!.d, undefined, 'only the public half is published');
  });
}

test('a token stops passing when its time is over or what it is bound to has gone', async () => {
  const { tokens, issue, reader, clock } = world();
  const { token } = (await issue({ expirationSeconds: 600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' } })).status;
  const check = () => tokens.authenticateToken(token, [ISSUER]);
  check();
  reader.put({ ...pod, metadata: { ...pod.metadata, uid: 'another' } });
  assert.throws(check, { message: 'pod UID (another) does not match service account pod ref claim (pod-uid)' });
  reader.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-11-21T11:58:00Z' } });
  assert.throws(check, { message: 'service account token has been invalidated' });
  reader.remove('Pod', 'web', 'ns');
  assert.throws(check, { message: 'service account token has been invalidated' });
  reader.put(pod, { ...account, metadata: { ...account.metadata, uid: 'new' } });
  assert.throws(check, { message: 'service account UID (new) does not match claim (sa-uid)' });
  reader.put(account);
  check();
  await clock.advance(12 * 60_000);
  assert.throws(check, { message: 'service account token has expired' });
});

test('forged tokens, other issuers and other audiences do not pass', async () => {
  const { tokens, issue } = world();
  const { token } = (await issue({ audiences: ['vault'] })).status as { token: string };
  assert.throws(() => tokens.authenticateToken(token, [ISSUER]), {
    message: `token audiences ["vault"] is invalid for the target audiences ["${ISSUER}"]`,
  });
  assert.deepEqual(tokens.authenticateToken(token, ['vault'])?.audiences, ['vault']);
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const forgedPayload = Buffer.from(payload, 'base64url').toString().replace('robot', 'admin');
  const forged = `${header}.${Buffer.from(forgedPayload).toString('base64url')}.${signature}`;
  assert.throws(() => tokens.authenticateToken(forged, ['vault']), { message: 'go-jose/go-jose: error in cryptographic primitive' });
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  assert.throws(() => tokens.authenticateToken(none, ['vault']), { message: 'go-jose/go-jose: error in cryptographic primitive' });
  const hs = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${payload}`;
  const mac = createHmac('sha256', rsaKey).update(hs).digest('base64url');
  assert.throws(() => tokens.authenticateToken(`${hs}.${mac}`, ['vault']), {
    message: 'go-jose/go-jose: error in cryptographic primitive',
  });
  assert.equal(tokens.authenticateToken('no-token-at-all'), undefined);
});

test('token requests are checked as upstream checks them', async () => {
  const { issue, context, signer } = world();
  const cases: [object, string, RegExp][] = [
    [{ expirationSeconds: 599 }, 'robot', /spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/],
    [{}, 'ghost', /serviceaccounts "ghost" not found/],
    [{ boundObjectRef: { kind: 'Pod', name: 'gone' } }, 'robot', /pods "gone" not found/],
    [{ boundObjectRef: { kind: 'Node', name: 'a/b' } }, 'robot', /^.*Name parameter invalid: "a\/b": may not contain '\/'$/],
    [
      { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'x' } },
      'robot',
      /the UID in the bound object reference \(x\) does not match the UID in record/,
    ],
    [
      { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'd' } },
      'robot',
      /cannot bind token to object of type apps\/v1, Kind=Deployment/,
    ],
  ];
  for (const [spec, name, message] of cases) await assert.rejects(issue(spec, name), { message });
  const extended = await issue({ expirationSeconds: 3607, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' } });
  const claims = decodeJwt(extended.status.token)!.claims as any;
  assert.equal(claims.exp - claims.iat, 365 * 24 * 3600);
  assert.equal(claims['kubernetes.io'].warnafter - claims.iat, 3607);
  assert.equal(extended.status.expirationTimestamp, '2026-11-21T13:00:07Z');
  const plain = tokenRequestHandler({ signer, apiAudiences: [ISSUER] });
  const answer: any = await plain({} as KubeObject, { name: 'robot', namespace: 'ns' }, context);
  assert.deepEqual(answer.spec.audiences, [ISSUER]);
  assert.equal(answer.spec.expirationSeconds, 3600);
});

test('TokenReview says who a token is, or why it is nobody', async () => {
  const { tokens, issue, context } = world();
  const { tokenreviews } = authenticationReviews(tokens, [ISSUER]);
  const { token } = (await issue({})).status;
  const good: any = await tokenreviews!({ spec: { token } }, context);
  assert.equal(good.status.authenticated, true);
  assert.deepEqual(good.status.user.groups, ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated']);
  const bad: any = await tokenreviews!({ spec: { token: 'nonsense' } }, context);
  assert.deepEqual(bad.status, { user: {}, error: 'invalid bearer token' });
  await assert.rejects(tokenreviews!({ spec: {} }, context), { message: 'token is required for TokenReview in authentication' });
});

test('bearer tokens: known ones pass, unknown ones are 401, none is anonymous', async () => {
  const [ann] = parseTokenFile('secret-1,ann,1,"dev,ops"\n');
  assert.deepEqual(ann, { token: 'secret-1', user: { name: 'ann', uid: '1', groups: ['dev', 'ops'] } });
  const tokens = unionTokenAuthenticator([staticTokenAuthenticator([ann!])]);
  const union = unionAuthenticator({ authenticators: [bearerTokenAuthenticator(tokens, [ISSUER])] });
  const ask = async (headers: Record<string, string>) => union.authenticate(request({ headers }));
  assert.deepEqual((await ask({ authorization: 'Bearer secret-1' }))?.groups, ['dev', 'ops', 'system:authenticated']);
  assert.equal(await ask({ authorization: 'bearer secret-1' }), await ask({ authorization: 'Bearer secret-1' }), 'one object for one user');
  await assert.rejects(ask({ authorization: 'Bearer wrong' }), unauthorized);
  assert.equal(await ask({}), ANONYMOUS_USER);
  assert.equal(await ask({ authorization: 'Basic YTpi' }), ANONYMOUS_USER);
  const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret-1').toString('base64url')}, v5.channel.k8s.io`;
  assert.equal((await ask({ upgrade: 'websocket', 'sec-websocket-protocol': protocol }))?.name, 'ann');
});

test('bootstrap tokens live in kube-system secrets', () => {
  const data = (more: Record<string, string>) =>
    Object.fromEntries(
      Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...more }).map(
        ([key, value]) => [key, Buffer.from(value).toString('base64')],
      ),
    );
  const ask = (more: Record<string, string>, token = 'abcdef.0123456789abcdef') => {
    const secret = {
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
      data: data(more),
    };
    return bootstrapTokenAuthenticator({ reader: readerOf(secret), clock: virtualClock(START) }).authenticateToken(token)?.user;
  };
  assert.deepEqual(ask({ 'auth-extra-groups': 'system:bootstrappers:a' }), {
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:a'],
  });
  assert.equal(ask({ 'usage-bootstrap-authentication': 'false' }), undefined);
  assert.equal(ask({ expiration: '2026-11-21T11:00:00Z' }), undefined);
  assert.equal(ask({}, 'abcdef.0123456789abcdee'), undefined);
});
