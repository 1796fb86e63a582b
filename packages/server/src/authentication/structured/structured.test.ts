import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import fc from 'fast-check';
import type { Exchange, Exchanger } from '../../remote/exchange.ts';
import { decodeJwt, isSignedBy } from '../jwt.ts';
import { structuredAuthentication } from './authenticators.ts';
import { parseAuthenticationConfiguration } from './configuration.ts';
import { distributedClaims } from './distributed-claims.ts';
import { discover, REFETCH_INTERVAL_MIN_MS } from './provider.ts';
import { userOfClaims } from './user-of-claims.ts';
import { verifiedClaims } from './verify.ts';

const ISSUER = 'https://issuer.test';
const OWN = ['https://kubernetes.default.svc'];
const START_SECONDS = Date.UTC(2026, 10, 21, 12) / 1000;
const MAPPINGS = { username: { claim: 'sub', prefix: '' } };

const configuration = (jwt: object, more: object = {}) =>
  JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [{ issuer: { url: ISSUER, audiences: ['a'] }, claimMappings: MAPPINGS, ...jwt }],
    ...more,
  });
const parsed = (jwt: object) => parseAuthenticationConfiguration(configuration(jwt), OWN).jwt[0]!;
const issuer = (more: object) => ({ issuer: { url: ISSUER, audiences: ['a'], ...more } });

test('what is wrong with a configuration is told as upstream tells it', () => {
  const cases: [object, string][] = [
    [issuer({ url: '' }), 'jwt[0].issuer.url: Required value'],
    [issuer({ url: 'http://a?b#c' }), 'URL scheme must be https'],
    [issuer({ url: 'https://u:p@a' }), 'jwt[0].issuer.url: Invalid value: "https://u:p@a": URL must not contain a username or password'],
    [issuer({ url: OWN[0] }), `URL must not overlap with disallowed issuers: [${OWN[0]}]`],
    [issuer({ discoveryURL: `${ISSUER}/` }), 'discoveryURL must be different from URL'],
    [issuer({ audiences: [] }), 'jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required'],
    [issuer({ audiences: ['a', 'b'] }), 'audienceMatchPolicy must be MatchAny for multiple audiences'],
    [issuer({ audiences: ['a', 'a'], audienceMatchPolicy: 'MatchAny' }), 'jwt[0].issuer.audiences[1]: Duplicate value: "a"'],
    [issuer({ certificateAuthority: 'x' }), 'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>"'],
    [issuer({ egressSelectorType: 'cluster' }), 'egress lookup for "cluster" is not configured'],
    [issuer({ egressSelectorType: 'moon' }), 'egress selector must be either controlplane or cluster'],
    [{ claimMappings: {} }, 'jwt[0].claimMappings.username: Required value: claim or expression is required'],
    [
      { claimMappings: { username: { claim: 'sub' } } },
      'claimMappings.username.prefix: Required value: prefix is required when claim is set',
    ],
    [{ claimMappings: { username: { claim: 'a', expression: 'b' } } }, "claim and expression can't both be set"],
    [{ claimMappings: { username: { expression: '1 +' } } }, 'compilation failed: ERROR: <input>'],
    [{ claimMappings: { username: { expression: 'user.name' } } }, "undeclared reference to 'user'"],
    [
      { claimMappings: { username: { expression: 'claims.email' } } },
      'claims.email_verified must be used in claimMappings.username.expression',
    ],
    [{ claimMappings: { ...MAPPINGS, extra: [{ key: 'Acme.com/x', valueExpression: "''" }] } }, 'must be lowercase'],
    [
      { claimMappings: { ...MAPPINGS, extra: [{ key: 'x', valueExpression: "''" }] } },
      'must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [{ claimMappings: { ...MAPPINGS, extra: [{ key: 'a.k8s.io/x', valueExpression: "''" }] } }, 'are reserved for Kubernetes use'],
    [{ claimValidationRules: [{}] }, 'jwt[0].claimValidationRules[0]: Required value: claim or expression is required'],
    [
      { claimValidationRules: [{ expression: 'claims.x' }] },
      'jwt[0].claimValidationRules[0].expression: Invalid value: "claims.x": must evaluate to bool',
    ],
    [{ userValidationRules: [{ expression: "user.nme == ''" }] }, "undefined field 'nme'"],
    [{ userValidationRules: [{ expression: '' }] }, 'jwt[0].userValidationRules[0].expression: Required value'],
  ];
  for (const [jwt, message] of cases) {
    assert.throws(
      () => parsed(jwt),
      (error: Error) => error.message.includes(message) || assert.fail(`${message}\n${error.message}`),
    );
  }
  assert.throws(() => parseAuthenticationConfiguration(configuration({}, { jwts: [] }), OWN), /unknown field "jwts"/);
  const anonymous = { enabled: false, conditions: [{ path: '/livez' }] };
  assert.throws(() => parseAuthenticationConfiguration(configuration({}, { anonymous }), OWN), /enabled should be set to true/);
  assert.equal(
    parsed({ claimMappings: { username: { expression: 'claims.email_verified ? claims.email : claims.sub' } } }).extra.length,
    0,
  );
});

test('claims become a user as they are mapped', () => {
  const authenticator = parsed({
    claimMappings: {
      username: { expression: "claims.nested.name + ':' + claims.acme__dot__com__slash__id" },
      groups: { expression: "claims.roles.split(',') + ['all', '']" },
      uid: { claim: 'sub' },
      extra: [
        { key: 'acme.com/level', valueExpression: 'string(claims.level * 2.0)' },
        { key: 'acme.com/none', valueExpression: "''" },
      ],
    },
  });
  const claims = { sub: 's1', nested: { name: 'ann' }, 'acme.com/id': '7', roles: 'a,b', level: 4 };
  assert.deepEqual(userOfClaims(authenticator, claims), {
    name: 'ann:7',
    uid: 's1',
    groups: ['a', 'b', 'all'],
    extra: { 'acme.com/level': ['8'] },
  });
  const by = (mapping: object) => parsed({ claimMappings: { ...MAPPINGS, ...mapping } });
  const groups = (value: unknown) => userOfClaims(by({ groups: { claim: 'g', prefix: 'p:' } }), { sub: 's', g: value }).groups;
  assert.deepEqual([groups('one'), groups(['a', 'b'])], [['p:one'], ['p:a', 'p:b']]);
  assert.throws(() => groups(5), { message: 'oidc: parse groups claim "g": json: cannot unmarshal number into Go value of type string' });
  assert.throws(() => userOfClaims(by({}), {}), { message: 'oidc: parse username claims "sub": claim not present' });
  assert.throws(() => userOfClaims(by({ username: { expression: "''" } }), {}), {
    message: 'oidc: empty username via CEL expression is not allowed',
  });
  assert.throws(
    () => userOfClaims(by({ groups: { expression: '[1]' } }), { sub: 's' }),
    /expression must return a string or a list of strings/,
  );
  assert.throws(
    () => userOfClaims(by({ username: { expression: 'claims.gone' } }), {}),
    /expression 'claims.gone' resulted in error: no such key: gone/,
  );
});

test('an unverified address is nobody', () => {
  const byEmail = parsed({ claimMappings: { username: { claim: 'email', prefix: '' } } });
  assert.equal(userOfClaims(byEmail, { email: 'a@b', email_verified: true }).name, 'a@b');
  assert.throws(() => userOfClaims(byEmail, { email: 'a@b', email_verified: false }), { message: 'oidc: email not verified' });
});

test('rules about claims and users hold or refuse with their message', () => {
  const ruled = parsed({
    claimValidationRules: [
      { claim: 'hd', requiredValue: 'acme' },
      { expression: 'claims.exp - claims.nbf <= 60', message: 'too long' },
    ],
    userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
  });
  const claims = { sub: 'ann', hd: 'acme', exp: 90, nbf: 30 };
  assert.equal(userOfClaims(ruled, claims).name, 'ann');
  const refused = (more: object, message: string) => assert.throws(() => userOfClaims(ruled, { ...claims, ...more }), { message });
  refused({ hd: 'x' }, 'oidc: required claim hd value does not match. Got = x, want = acme');
  refused(
    { exp: 100 },
    "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 60' failed: too long",
  );
  refused(
    { sub: 'system:x' },
    "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('system:')' failed: reserved",
  );
});

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const first = pair();
const second = pair();

function signed(claims: object, { privateKey }: { privateKey: KeyObject } = first, kid = 'k1', from = ISSUER): string {
  const input = `${encoded({ alg: 'RS256', kid })}.${encoded({ iss: from, aud: ['a'], exp: START_SECONDS + 60, ...claims })}`;
  return `${input}.${createSign('sha256').update(input).sign(privateKey, 'base64url')}`;
}

/** An issuer without sockets: what it answers by URL, and what it was asked. */
function world() {
  const clock = virtualClock(START_SECONDS * 1000);
  const asked: string[] = [];
  const answers = new Map<string, { text: string; headers?: Record<string, string> }>();
  const publish = (keys: Record<string, KeyObject>, headers = {}) =>
    answers.set(`${ISSUER}/keys`, {
      text: JSON.stringify({ keys: Object.entries(keys).map(([kid, key]) => ({ ...key.export({ format: 'jwk' }), kid })) }),
      headers,
    });
  const discovery = (more: object = {}) => JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys`, ...more });
  answers.set(`${ISSUER}/.well-known/openid-configuration`, { text: discovery() });
  publish({ k1: first.publicKey });
  const remote: Exchanger = {
    exchange: async ({ url, headers }: Exchange) => {
      asked.push(headers?.authorization ? `${url} ${headers.authorization}` : url);
      const answer = answers.get(url);
      return { status: answer ? 200 : 404, headers: answer?.headers ?? {}, text: answer?.text ?? 'gone' };
    },
    close: () => {},
  };
  const provider = (more: object = {}) => discover({ issuer: ISSUER, remote, clock, ...more });
  const verify = async (token: string, by = provider()) => verifiedClaims(token, await by, { issuer: ISSUER, audiences: ['a'] }, clock);
  return { clock, asked, answers, publish, discovery, remote, provider, verify };
}

test('signature, issuer, audience and time are checked, in upstream’s words', async () => {
  const { verify } = world();
  assert.equal((await verify(signed({ sub: 'ann' }))).sub, 'ann');
  const cases: [string, string][] = [
    [signed({}, second), 'failed to verify signature: failed to verify id token signature'],
    [signed({ iss: 'https://other' }), `oidc: id token issued by a different provider, expected "${ISSUER}" got "https://other"`],
    [signed({ aud: 'b' }), 'oidc: expected audience "a" got ["b"]'],
    [signed({ exp: START_SECONDS - 1 }), 'oidc: token is expired (Token Expiry: 2026-11-21 11:59:59 +0000 UTC)'],
    [
      signed({ nbf: START_SECONDS + 61 }),
      'oidc: current time 2026-11-21 12:00:00 +0000 UTC before the nbf (not before) time: 2026-11-21 12:01:01 +0000 UTC',
    ],
    ['x', 'oidc: malformed jwt'],
  ];
  for (const [token, message] of cases) await assert.rejects(verify(token), { message });
  const none = `${encoded({ alg: 'none' })}.${encoded({ iss: ISSUER })}.`;
  await assert.rejects(verify(none), /signed with unsupported algorithm, .* got "none"/);
  const shared = `${encoded({ alg: 'HS256' })}.${encoded({ iss: ISSUER })}.AAAA`;
  await assert.rejects(verify(shared), /unsupported algorithm/);
});

test('keys are fetched when a signature asks for one that is unknown, and not more often than allowed', async () => {
  const { clock, asked, publish, provider, verify } = world();
  const known = provider();
  await verify(signed({}), known);
  await verify(signed({}), known);
  const fetches = () => asked.filter((url) => url.endsWith('/keys')).length;
  assert.equal(fetches(), 1);
  publish({ k2: second.publicKey });
  await assert.rejects(verify(signed({}, second, 'k2'), known), /failed to verify id token signature/, 'too soon');
  assert.equal(fetches(), 1);
  await clock.advance(REFETCH_INTERVAL_MIN_MS);
  await Promise.all([verify(signed({}, second, 'k2'), known), verify(signed({}, second, 'k2'), known)]);
  assert.equal(fetches(), 2, 'once for both');
  await assert.rejects(verify(signed({}), known), /failed to verify/, 'the old key is gone');
});

test('what the provider says of its keys’ age is obeyed', async () => {
  const { clock, asked, publish, provider, verify } = world();
  publish({ k1: first.publicKey }, { 'cache-control': 'public, max-age=3600' });
  const known = provider();
  await verify(signed({}), known);
  publish({ k2: second.publicKey });
  await clock.advance(60_000);
  await assert.rejects(verify(signed({ exp: START_SECONDS + 9000 }, second, 'k2'), known), /failed to verify/);
  assert.equal(asked.filter((url) => url.endsWith('/keys')).length, 1);
  await clock.advance(3_600_000);
  await verify(signed({ exp: START_SECONDS + 9000 }, second, 'k2'), known);
});

test('a provider that is another, or says too little, is none', async () => {
  const { answers, discovery, provider } = world();
  const at = `${ISSUER}/.well-known/openid-configuration`;
  answers.set(at, { text: discovery({ issuer: 'https://evil' }) });
  await assert.rejects(provider(), {
    message: `oidc: issuer did not match the issuer returned by provider, expected "${ISSUER}" got "https://evil"`,
  });
  answers.set(at, { text: discovery({ jwks_uri: '' }) });
  await assert.rejects(provider(), { message: 'provider did not return JWKS URL' });
  answers.set('https://elsewhere/d', { text: discovery() });
  await provider({ discoveryUrl: 'https://elsewhere/d' });
  await assert.rejects(provider({ discoveryUrl: 'https://nowhere/d' }), { message: '404: gone' });
});

test('groups may be kept elsewhere, where the token says', async () => {
  const { clock, answers, asked, remote } = world();
  const { expand } = distributedClaims('groups', ['a'], remote, clock);
  answers.set('https://groups.test/x', { text: signed({ groups: ['dev'] }) });
  const pointing = {
    _claim_names: { groups: 's' },
    _claim_sources: { s: { endpoint: 'https://groups.test/x', access_token: 't' } },
  };
  assert.deepEqual((await expand(pointing)).groups, ['dev']);
  assert.ok(asked.includes('https://groups.test/x Bearer t'));
  assert.deepEqual(await expand({ groups: ['own'] }), { groups: ['own'] });
  await assert.rejects(expand({ _claim_names: { groups: 's' } }), { message: 'oidc: no claim sources' });
  await assert.rejects(expand({ ...pointing, _claim_sources: { s: { endpoint: 'http://groups.test/x' } } }), /endpoint must be https/);
  answers.set('https://groups.test/x', { text: signed({ groups: ['root'] }, second) });
  await assert.rejects(expand(pointing), /failed to verify signature/);
});

test('an issuer that can not be reached refuses its tokens until it can, and leaves others’ alone', async () => {
  const clock = virtualClock(START_SECONDS * 1000);
  const unreachable = configuration({ issuer: { url: 'https://127.0.0.1:1', audiences: ['a'] } });
  const tokens = structuredAuthentication({ text: unreachable, ownIssuers: OWN, clock, random: seededRandom(1), log: silentLogger });
  assert.throws(() => tokens.authenticateToken(signed({}, first, 'k1', 'https://127.0.0.1:1')), {
    message: 'oidc: authenticator not initialized',
  });
  assert.equal(tokens.authenticateToken(signed({})), undefined);
  assert.equal(tokens.authenticateToken('opaque'), undefined);
  tokens.close();
});

test('no text is a token by accident', () => {
  const part = fc.oneof(
    fc.base64String(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const decoded = decodeJwt(parts.join('.'));
      assert.ok(decoded === undefined || !isSignedBy(decoded, first.publicKey));
    }),
  );
});
