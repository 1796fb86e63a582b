// Files that say whom the server trusts and asks, with real HTTPS servers in the others' place.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { type Cluster, ConfigurationError, startCluster } from './index.ts';
import { type Issuer, kubeconfigFor, openIdIssuer, STAND_IN_AUTHORITY_PEM, type StandIn, standIn } from './testing/https-stand-in.ts';
import { until } from './testing/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiphys-files-'));
const write = (name: string, content: object | string) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
after(() => rmSync(folder, { recursive: true, force: true }));

const WITHIN_MS = 60_000;
const GROUP = 'apiserver.config.k8s.io/v1';
let issuer: Issuer;
let tokenWebhook: StandIn;
let accessWebhook: StandIn;
let cluster: Cluster;
let ca = '';
/** What the access webhook says of a user; nothing without an entry. */
const access = new Map<string, object | number>();

const authentication = (more: object = {}, mappings: object = {}) => ({
  apiVersion: GROUP,
  kind: 'AuthenticationConfiguration',
  jwt: [
    {
      issuer: {
        url: issuer.url,
        certificateAuthority: STAND_IN_AUTHORITY_PEM,
        audiences: ['tiphys', 'other'],
        audienceMatchPolicy: 'MatchAny',
      },
      claimValidationRules: [{ expression: "claims.?hd.orValue('acme') == 'acme'", message: 'the hd claim must be acme' }],
      claimMappings: {
        username: { expression: "'oidc:' + claims.sub" },
        groups: { claim: 'roles', prefix: 'oidc:' },
        uid: { claim: 'sub' },
        extra: [{ key: 'acme.com/team', valueExpression: 'claims.?team.orValue("")' }],
        ...mappings,
      },
      userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
      ...more,
    },
  ],
  anonymous: { enabled: true, conditions: [{ path: '/livez' }] },
});

const authorization = (more: object = {}) => ({
  apiVersion: GROUP,
  kind: 'AuthorizationConfiguration',
  authorizers: [
    {
      type: 'Webhook',
      name: 'gate',
      webhook: {
        timeout: '3s',
        authorizedTTL: '5m',
        unauthorizedTTL: '1ms',
        subjectAccessReviewVersion: 'v1',
        matchConditionSubjectAccessReviewVersion: 'v1',
        failurePolicy: 'Deny',
        connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: join(folder, 'access.kubeconfig') },
        matchConditions: [{ expression: "request.user.startsWith('oidc:')" }, { expression: 'has(request.resourceAttributes)' }],
        ...more,
      },
    },
    { type: 'Node', name: 'node' },
    { type: 'RBAC', name: 'rbac' },
  ],
});

before(async () => {
  issuer = await openIdIssuer();
  tokenWebhook = await standIn(({ body, headers }) => {
    assert.equal(headers.authorization, 'Bearer from-the-server');
    assert.equal(body.apiVersion, 'authentication.k8s.io/v1');
    const known = body.spec.token === 'opaque-1';
    return {
      ...body,
      status: known ? { authenticated: true, user: { username: 'hooked', uid: 'h1', groups: ['g'] } } : { authenticated: false },
    };
  });
  accessWebhook = await standIn(({ body }) => {
    const status = access.get(body.spec.user) ?? { allowed: false };
    return typeof status === 'number' ? status : { ...body, status };
  });
  write('access.kubeconfig', kubeconfigFor(`${accessWebhook.url}/authorize`));
  cluster = await startCluster({
    runtime: 'none',
    tokenFile: write('tokens.csv', 'static-1,ann,u1,"dev,ops"\nstatic-2,bob,u2\n'),
    authenticationConfigFile: write('authentication.json', authentication()),
    authorizationConfigFile: write('authorization.json', authorization()),
    tokenWebhookConfigFile: write('tokens.kubeconfig', kubeconfigFor(`${tokenWebhook.url}/review`)),
    tokenWebhookVersion: 'v1',
  });
  const { clusters } = parse(readFileSync(cluster.kubeconfig, 'utf8'));
  ca = Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64').toString();
});
after(async () => {
  await cluster?.close();
  for (const each of [issuer, tokenWebhook, accessWebhook]) await each?.[Symbol.asyncDispose]();
});

function call(method: string, path: string, token?: string, body?: object): Promise<{ code: number; object: any }> {
  const { port } = new URL(cluster.url);
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ code: response.statusCode ?? 0, object: text.startsWith('{') ? JSON.parse(text) : text });
      });
    });
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

const REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const whoIs = async (token: string) => {
  const { code, object } = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', token, REVIEW);
  return code === 201 ? object.status.userInfo : code;
};
const reviewed = async (token: string, audiences?: string[]): Promise<any> => {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, ...(audiences ? { audiences } : {}) } };
  return (await cluster.client.raw('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)).body;
};

test('static tokens, issuers’ tokens and the webhook’s each name their user', async () => {
  assert.deepEqual(await whoIs('static-1'), { username: 'ann', uid: 'u1', groups: ['dev', 'ops', 'system:authenticated'] });
  assert.deepEqual(await whoIs('opaque-1'), { username: 'hooked', uid: 'h1', groups: ['g', 'system:authenticated'] });
  assert.deepEqual(await whoIs(issuer.token({ sub: 'eve', roles: ['dev', 'ops'], team: 'red', jti: 'j1' })), {
    username: 'oidc:eve',
    uid: 'eve',
    groups: ['oidc:dev', 'oidc:ops', 'system:authenticated'],
    extra: { 'acme.com/team': ['red'], 'authentication.kubernetes.io/credential-id': ['JTI=j1'] },
  });
  assert.equal(await whoIs('opaque-2'), 401);
});

test('tokens that are old, for others, or against the rules do not pass', async () => {
  assert.equal(await whoIs(issuer.token({ sub: 'eve', exp: 1 })), 401);
  assert.equal(await whoIs(issuer.token({ sub: 'eve', aud: 'elsewhere' })), 401);
  assert.equal(await whoIs(issuer.token({ sub: 'eve', hd: 'evil' })), 401);
  assert.equal(await whoIs(issuer.token({})), 401, 'no subject, no name');
  const [header, payload] = issuer.token({ sub: 'eve' }).split('.') as [string, string];
  assert.equal(await whoIs(`${header}.${payload}.AAAA`), 401);
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  assert.equal(await whoIs(`${none}.${payload}.`), 401);
});

test('an answer is remembered: the webhook is asked once for a token', async () => {
  await whoIs('opaque-1');
  const before = tokenWebhook.asked.length;
  await whoIs('opaque-1');
  assert.equal(tokenWebhook.asked.length, before);
});

test('TokenReviews are answered from all of them, and audiences count', async () => {
  assert.equal((await reviewed(issuer.token({ sub: 'eve' }))).status.user.username, 'oidc:eve');
  assert.equal((await reviewed(issuer.token({ sub: 'eve' }), ['vault'])).status.authenticated, undefined);
});

test('a new key is fetched when a token is signed with it', async () => {
  issuer.rotate();
  await until('the new key is taken', WITHIN_MS, async () => (await whoIs(issuer.token({ sub: 'rotated' }))).username === 'oidc:rotated');
});

test('only the listed paths are open to those who say nothing', async () => {
  assert.equal((await call('GET', '/livez')).code, 200);
  assert.equal((await call('GET', '/livez?verbose')).code, 200);
  assert.equal((await call('GET', '/readyz')).code, 401);
  assert.equal((await call('GET', '/version')).code, 401);
});

test('the chain asks the webhook about those it is for, and remembers a yes', async () => {
  const token = issuer.token({ sub: 'reader' });
  const list = () => call('GET', '/api/v1/namespaces/default/pods', token);
  access.set('oidc:reader', { allowed: false, reason: 'not yet' });
  const refused = await list();
  assert.equal(refused.code, 403);
  assert.match(refused.object.message, /not yet$/);
  access.set('oidc:reader', { allowed: true });
  assert.equal((await list()).code, 200);
  const asked = accessWebhook.asked.length;
  assert.equal((await list()).code, 200);
  assert.equal(accessWebhook.asked.length, asked);
  assert.equal((await call('GET', '/api/v1/namespaces/default/pods', 'static-1')).code, 403, 'no match, no question');
  assert.equal(accessWebhook.asked.length, asked);
});

test('a webhook that denies or fails decides against', async () => {
  const list = (sub: string) => call('GET', '/api/v1/namespaces/default/secrets', issuer.token({ sub }));
  access.set('oidc:denied', { allowed: false, denied: true, reason: 'never' });
  assert.match((await list('denied')).object.message, /: never$/);
  access.set('oidc:broken', 404);
  const broken = await list('broken');
  assert.equal(broken.code, 500);
  assert.match(broken.object.message, /the server could not find the requested resource$/);
});

test('reviews say what the webhook says', async () => {
  access.set('oidc:asked', { allowed: true, reason: 'because' });
  const statusFor = async (user: string) => {
    const spec = { user, resourceAttributes: { verb: 'get', resource: 'pods' } };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    return ((await cluster.client.raw('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review)).body as any).status;
  };
  assert.deepEqual(await statusFor('oidc:asked'), { allowed: true, reason: 'because' });
  assert.deepEqual(await statusFor('oidc:broken'), {
    allowed: false,
    denied: true,
    evaluationError: 'the server could not find the requested resource',
  });
});

test('changed files are taken while the server runs; wrong ones are not', async () => {
  write('authentication.json', { ...authentication({}, { username: { claim: 'sub', prefix: 'new:' } }) });
  await until('the new mapping holds', WITHIN_MS, async () => (await whoIs(issuer.token({ sub: 'zoe' }))).username === 'new:zoe');
  write('authentication.json', { ...authentication(), anonymous: { enabled: false } });
  write('authorization.json', { ...authorization({ failurePolicy: 'Perhaps' }) });
  write('authorization.json', { ...authorization({ matchConditions: [{ expression: "request.user == 'bob'" }] }) });
  access.set('bob', { allowed: true });
  await until(
    'the new condition holds',
    WITHIN_MS,
    async () => (await call('GET', '/api/v1/namespaces/default/pods', 'static-2')).code === 200,
  );
  assert.equal((await whoIs(issuer.token({ sub: 'zed' }))).username, 'new:zed', 'anonymous may not change while the server runs');
});

test('a file that can not be used keeps the cluster from starting and says why', async () => {
  const starting = (options: object) => startCluster({ runtime: 'none', ...options });
  const refused = (options: object, message: RegExp) =>
    assert.rejects(starting(options), (error: Error) => error instanceof ConfigurationError && message.test(error.message));
  await refused({ tokenFile: join(folder, 'missing') }, /^tokenFile: .*ENOENT/);
  await refused({ tokenFile: write('short.csv', 'a,b') }, /must have at least 3 columns \(token, user name, user uid\), found 2/);
  await refused(
    { authenticationConfigFile: write('bad.json', { ...authentication({ issuer: { url: 'http://x', audiences: ['a'] } }) }) },
    /jwt\[0\]\.issuer\.url: Invalid value: "http:\/\/x": URL scheme must be https/,
  );
  await refused(
    { authorizationConfigFile: write('none.json', { apiVersion: GROUP, kind: 'AuthorizationConfiguration' }) },
    /at least one authorization mode/,
  );
  await refused({ tokenWebhookVersion: 'v2' }, /tokenWebhookVersion/);
});
