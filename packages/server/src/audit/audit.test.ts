import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, virtualClock } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { type ApiServer, createApiServer } from '../api-server.ts';
import { impersonating } from '../authentication/impersonation/impersonation.ts';
import type { AdmissionPlugin, Authorizer } from '../interfaces.ts';
import { requestInfo } from '../request/request-info.ts';
import { type AuditEvent, createAuditor } from './index.ts';
import { logBackend } from './log-backend.ts';
import { auditPolicy } from './policy.ts';
import { webhookBackend } from './webhook-backend.ts';

const folder = mkdtempSync(join(tmpdir(), 'audit-'));
after(() => rmSync(folder, { recursive: true }));

const policy = (rules: object[], more: object = {}) => JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more });
const MAPS = '/api/v1/namespaces/a/configmaps';
const boss: UserInfo = { name: 'boss', groups: ['system:masters'] };

const authorizer: Authorizer = {
  authorize: ({ resource }) => (resource === 'secrets' ? { decision: 'noOpinion', reason: '' } : { decision: 'allow', reason: 'because' }),
};
const noting: AdmissionPlugin = {
  name: 'Noting',
  validate: ({ annotate }) => {
    annotate?.('example.com/note', 'one');
    annotate?.('example.com/note', 'two');
    annotate?.('example.com/detail', 'more', 'Request');
  },
};

/** Requests to a server that is audited by these rules, and what was written down. */
async function audited(text: string, run: (server: ApiServer) => Promise<void>): Promise<AuditEvent[]> {
  const path = join(folder, `${Math.abs(text.length)}-${readdirSync(folder).length}.log`);
  const runtime = { ...realRuntime(), clock: virtualClock() };
  const server = createApiServer({
    runtime,
    store: memoryStore(),
    definitions: builtinDefinitions(),
    authorizer,
    authenticators: [
      impersonating(
        {
          authenticate: async ({ headers }) => {
            if (headers.authorization) throw statusError.unauthorized();
            return boss;
          },
        },
        authorizer,
      ),
    ],
    admission: [noting],
    auditor: createAuditor({ runtime, policy: text, log: { path } }),
  });
  await run(server);
  await server.close();
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const ask = (server: ApiServer, method: ApiRequest['method'], url: string, more: Partial<ApiRequest> = {}) =>
  server.handle({ method, url, headers: { 'user-agent': 'test', 'audit-id': 'id' }, ...more });

test('a write is told at its stages, with what it carried, what it was answered, and why it was allowed', async () => {
  const events = await audited(policy([{ level: 'RequestResponse', omitManagedFields: true }]), async (server) => {
    await ask(server, 'POST', MAPS, { body: { metadata: { name: 'x' }, data: { a: 'b' } } });
  });
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseComplete'],
  );
  const [received, complete] = events as [AuditEvent, AuditEvent];
  assert.deepEqual(received, {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: 'id',
    stage: 'RequestReceived',
    requestURI: MAPS,
    verb: 'create',
    user: { username: 'boss', groups: ['system:masters'] },
    userAgent: 'test',
    objectRef: { resource: 'configmaps', namespace: 'a', apiVersion: 'v1' },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    stageTimestamp: '2026-01-01T00:00:00.000000Z',
  });
  assert.equal(complete.objectRef!.name, 'x');
  assert.deepEqual(complete.responseStatus, { metadata: {}, code: 201 });
  assert.deepEqual((complete.requestObject as any).data, { a: 'b' });
  const { metadata } = complete.responseObject as any;
  assert.ok(metadata.uid && metadata.managedFields === undefined);
  assert.deepEqual(complete.annotations, {
    'authorization.k8s.io/decision': 'allow',
    'authorization.k8s.io/reason': 'because',
    'example.com/detail': 'more',
    'example.com/note': 'one',
  });
});

test('the level says how much is kept, and refusals say why', async () => {
  const rules = [
    { level: 'None', verbs: ['get'] },
    { level: 'Metadata', omitStages: ['RequestReceived'] },
  ];
  const events = await audited(policy(rules), async (server) => {
    await ask(server, 'POST', MAPS, { body: { metadata: { name: 'x' }, data: { secret: 'b' } } });
    await ask(server, 'GET', `${MAPS}/x`);
    await ask(server, 'GET', '/api/v1/namespaces/a/secrets');
    await ask(server, 'POST', MAPS, { headers: { authorization: 'Bearer wrong' } });
    await ask(server, 'GET', MAPS, { headers: { 'impersonate-user': 'other' } });
  });
  assert.equal(JSON.stringify(events).includes('"secret"'), false);
  assert.deepEqual(
    events.map(({ stage, verb, responseStatus }) => [stage, verb, responseStatus!.code]),
    [
      ['ResponseComplete', 'create', 201],
      ['ResponseComplete', 'list', 403],
      ['ResponseStarted', 'create', 401],
      ['ResponseComplete', 'list', 200],
    ],
  );
  assert.equal(events[0]!.annotations!['example.com/detail'], undefined);
  assert.equal(events[1]!.annotations!['authorization.k8s.io/decision'], 'forbid');
  assert.equal(events[1]!.responseStatus!.reason, 'Forbidden');
  assert.deepEqual([events[2]!.user, events[2]!.responseStatus!.message], [{}, 'Authentication failed, attempted: bearer']);
  assert.deepEqual([events[3]!.user.username, events[3]!.impersonatedUser!.username], ['boss', 'other']);
});

test('a watch is told when it starts and when it ends; a patch as it came', async () => {
  const events = await audited(policy([{ level: 'Request', omitStages: ['RequestReceived'] }]), async (server) => {
    const { body } = await ask(server, 'GET', `${MAPS}?watch=1`);
    assert.ok(body.kind === 'watch');
    body.watch.subscribe(
      () => {},
      () => {},
    )();
    await ask(server, 'PATCH', `${MAPS}/none`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      body: Buffer.from('{"data":{"a":"b"}}'),
    });
  });
  assert.deepEqual(
    events.map(({ stage, verb }) => [stage, verb]),
    [
      ['ResponseStarted', 'watch'],
      ['ResponseComplete', 'watch'],
      ['ResponseComplete', 'patch'],
    ],
  );
  assert.deepEqual(events[2]!.requestObject, { data: { a: 'b' } });
});

test('the first rule that matches decides', () => {
  const { ruleFor } = auditPolicy(
    policy(
      [
        {
          level: 'None',
          users: ['system:kube-proxy'],
          verbs: ['watch'],
          resources: [{ group: '', resources: ['endpoints', 'services/*'] }],
        },
        { level: 'None', userGroups: ['system:nodes'], nonResourceURLs: ['/healthz*', '/version'] },
        { level: 'Request', namespaces: ['kube-system'], resources: [{ group: 'apps' }] },
        { level: 'RequestResponse', resources: [{ group: '*', resources: ['*/status'] }], omitStages: ['ResponseStarted'] },
        { level: 'Metadata', resources: [{ group: '', resources: ['secrets'], resourceNames: ['one'] }] },
      ],
      { omitStages: ['RequestReceived'], omitManagedFields: true },
    ),
  );
  const level = (path: string, name = 'any', groups: string[] = [], method: ApiRequest['method'] = 'GET') =>
    ruleFor(requestInfo(method, path), { name, groups })?.level;
  assert.equal(level('/api/v1/services/x/status?watch=1', 'system:kube-proxy'), 'RequestResponse');
  assert.equal(level('/api/v1/endpoints?watch=1', 'system:kube-proxy'), undefined);
  assert.equal(level('/apis/apps/v1/namespaces/kube-system/deployments'), 'Request');
  assert.equal(level('/apis/apps/v1/namespaces/other/deployments'), undefined);
  assert.equal(level('/api/v1/namespaces/a/secrets/one'), 'Metadata');
  assert.equal(level('/api/v1/namespaces/a/secrets/two'), undefined);
  const rule = ruleFor(requestInfo('GET', '/api/v1/nodes/a/status'), undefined)!;
  assert.deepEqual([[...rule.omitStages].sort(), rule.omitManagedFields], [['RequestReceived', 'ResponseStarted'], true]);
});

test('a wrong policy is refused with what is wrong', () => {
  const refused = (rules: object[], message: RegExp) => assert.throws(() => auditPolicy(policy(rules)), message);
  refused([], /loaded illegal policy with 0 rules/);
  refused([{}], /rules\[0\]\.level: Required value/);
  refused([{ level: 'Everything' }], /Unsupported value: "Everything"/);
  refused(
    [{ level: 'None', nonResourceURLs: ['/a*b', 'x'] }],
    /must be the final character of the rule.*must begin with a '\/' character/s,
  );
  refused([{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['x'] }], /cannot apply to both regular resources and non-resource URLs/);
  refused([{ level: 'None', omitStages: ['Never'] }], /allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic/);
  refused([{ level: 'None', colour: 'red' }], /unknown field "rules\[0\]\.colour"/);
});

const event = (id: string): AuditEvent => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID: id,
  stage: 'ResponseComplete',
  requestURI: '/x'.repeat(300),
  verb: 'get',
  user: {},
  requestReceivedTimestamp: '',
  stageTimestamp: '',
});

test('the log begins a new file when the old one is full, and keeps so many old ones', async () => {
  const clock = virtualClock();
  const place = mkdtempSync(join(folder, 'rotated-'));
  const backend = logBackend({ runtime: { ...realRuntime(), clock }, path: join(place, 'audit.log'), maxMegabytes: 1, maxBackups: 2 });
  for (let i = 0; i < 6000; i++) {
    backend.write(event(`e${i}`));
    if (i % 100 === 0) await clock.advance(1000);
  }
  await backend.close();
  const files = readdirSync(place).sort();
  assert.deepEqual([files.length, files.at(-1)], [3, 'audit.log']);
  assert.match(files[0]!, /^audit-2026-01-01T00-\d\d-\d\d\.000\.log$/);
  const lines = files.flatMap((file) => readFileSync(join(place, file), 'utf8').trimEnd().split('\n'));
  assert.equal(JSON.parse(lines.at(-1)!).auditID, 'e5999');
  const ids = lines.map((line) => Number(JSON.parse(line).auditID.slice(1)));
  assert.deepEqual(
    ids,
    Array.from(ids, (_, i) => ids[0]! + i),
  );
});

test('the webhook is sent batches, and again when it fails', async () => {
  const received: AuditEvent[] = [];
  let fails = 1;
  const target = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      response.statusCode = fails-- > 0 ? 500 : 200;
      if (response.statusCode === 200) received.push(...JSON.parse(Buffer.concat(chunks).toString()).items);
      response.end();
    });
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const kubeconfig = join(folder, 'webhook.yaml');
  const server = `http://127.0.0.1:${(target.address() as AddressInfo).port}/audit`;
  writeFileSync(kubeconfig, JSON.stringify({ clusters: [{ name: 'a', cluster: { server } }] }));
  const { readKubeconfig } = await import('../remote/kubeconfig.ts');
  const backend = webhookBackend({ runtime: realRuntime(), target: readKubeconfig(kubeconfig) });
  for (let i = 0; i < 500; i++) backend.write(event(`e${i}`));
  await backend.close();
  target.close();
  // One of the two batches met the failure while closing, when nobody waits for another try.
  assert.equal(received.length + backend.lost, 500);
  assert.ok(received.length === 100 || received.length === 400);
});
