import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import { seededRandom } from '@tiphys/runtime';
import { readerOf } from '../../../test/reader-of.ts';
import type { AdmissionAttributes } from '../../interfaces.ts';
import type { WebhookCaller } from './call.ts';
import { mutatingWebhooks } from './mutating.ts';
import { validatingWebhooks } from './validating.ts';

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
const RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
const namespace = { kind: 'Namespace', metadata: { name: 'ns', labels: { team: 'a' } } };

const hook = (name: string, more: object = {}) => ({
  name,
  rules: [RULE],
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  clientConfig: { url: `https://${name}/` },
  ...more,
});

type Answer = (request: any) => object;

function world(kind: 'Mutating' | 'Validating', hooks: Record<string, { more?: object; answer: Answer }>) {
  const calls: string[] = [];
  const configuration = {
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: 'all' },
    webhooks: Object.entries(hooks).map(([name, { more }]) => hook(name, more)),
  } as KubeObject;
  const caller: WebhookCaller = {
    async call(config, body) {
      const name = new URL(config.url!).hostname;
      calls.push(name);
      const { request } = body as any;
      return {
        kind: 'AdmissionReview',
        apiVersion: 'admission.k8s.io/v1',
        response: { uid: request.uid, ...hooks[name]!.answer(request) },
      };
    },
    close: () => {},
  };
  const warnings: string[] = [];
  const attributes = (more: Partial<AdmissionAttributes> = {}): AdmissionAttributes => ({
    operation: 'CREATE',
    type: CONFIG_MAPS,
    subresource: '',
    namespace: 'ns',
    name: 'map',
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map', namespace: 'ns' }, data: {} } as KubeObject,
    user: { name: 'ann', groups: ['dev'] },
    dryRun: false,
    reader: readerOf(namespace, configuration),
    warn: (text) => void warnings.push(text),
    ...more,
  });
  return { options: { caller, random: seededRandom(1) }, attributes, calls, warnings };
}

const patch = (operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const set =
  (key: string, value: string): Answer =>
  () =>
    patch([{ op: 'add', path: `/data/${key}`, value }]);
const allow: Answer = () => ({ allowed: true });

test('a validating webhook allows, warns, or refuses in its own words', async () => {
  const fine = world('Validating', { 'a.test': { answer: () => ({ allowed: true, warnings: ['careful'] }) } });
  await validatingWebhooks(fine.options).validate!(fine.attributes());
  assert.deepEqual(fine.warnings, ['careful']);
  const cases: [object, number, string][] = [
    [{ allowed: false, status: { message: 'no', code: 403 } }, 403, 'admission webhook "a.test" denied the request: no'],
    [{ allowed: false, status: { reason: 'Because' } }, 400, 'admission webhook "a.test" denied the request: Because'],
    [{ allowed: false }, 400, 'admission webhook "a.test" denied the request without explanation'],
  ];
  for (const [answer, code, message] of cases) {
    const { options, attributes } = world('Validating', { 'a.test': { answer: () => answer } });
    await assert.rejects(async () => validatingWebhooks(options).validate!(attributes()), { code, message });
  }
});

test('selectors and rules decide who is asked', async () => {
  const { options, attributes, calls } = world('Validating', {
    'all.test': { answer: allow },
    'team-a.test': { answer: allow, more: { namespaceSelector: { matchLabels: { team: 'a' } } } },
    'team-b.test': { answer: allow, more: { namespaceSelector: { matchLabels: { team: 'b' } } } },
    'labelled.test': { answer: allow, more: { objectSelector: { matchLabels: { x: 'y' } } } },
    'updates.test': { answer: allow, more: { rules: [{ ...RULE, operations: ['UPDATE'] }] } },
    'status.test': { answer: allow, more: { rules: [{ ...RULE, resources: ['configmaps/status'] }] } },
    'any.test': { answer: allow, more: { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }] } },
    'cluster.test': { answer: allow, more: { rules: [{ ...RULE, scope: 'Cluster' }] } },
  });
  await validatingWebhooks(options).validate!(attributes());
  assert.deepEqual(calls.sort(), ['all.test', 'any.test', 'team-a.test']);
});

test('the failure policy decides what a broken webhook means', async () => {
  const broken: Answer = () => {
    throw new Error('connection refused');
  };
  const closed = world('Validating', { 'a.test': { answer: broken } });
  await assert.rejects(async () => validatingWebhooks(closed.options).validate!(closed.attributes()), {
    code: 500,
    message: 'Internal error occurred: failed calling webhook "a.test": failed to call webhook: connection refused',
  });
  const open = world('Validating', { 'a.test': { answer: broken, more: { failurePolicy: 'Ignore' } } });
  await validatingWebhooks(open.options).validate!(open.attributes());
  assert.deepEqual(open.calls, ['a.test']);
});

test('dry runs reach only webhooks without side effects', async () => {
  const { options, attributes } = world('Validating', { 'a.test': { answer: allow, more: { sideEffects: 'Some' } } });
  await assert.rejects(async () => validatingWebhooks(options).validate!(attributes({ dryRun: true })), {
    code: 400,
    message: 'admission webhook "a.test" does not support dry run',
  });
});

test('mutating webhooks see each other’s changes, and again if they ask for it', async () => {
  const seenByFirst: object[] = [];
  const { options, attributes, calls } = world('Mutating', {
    'first.test': {
      more: { reinvocationPolicy: 'IfNeeded' },
      answer: (request) => {
        seenByFirst.push({ ...request.object.data });
        return patch([{ op: 'add', path: '/data/first', value: 'x' }]);
      },
    },
    'second.test': { answer: set('second', 'y') },
  });
  const given = attributes();
  let looked = 0;
  const earlier = { name: 'Earlier', admit: () => void looked++ };
  await mutatingWebhooks(options, [earlier]).admit!(given);
  assert.deepEqual((given.object as any).data, { first: 'x', second: 'y' });
  assert.deepEqual(calls, ['first.test', 'second.test', 'first.test']);
  assert.deepEqual(seenByFirst, [{}, { first: 'x', second: 'y' }]);
  assert.equal(looked, 1);
});

test('webhook configurations are never sent to webhooks', async () => {
  const { options, attributes, calls } = world('Validating', {
    'a.test': {
      answer: () => ({ allowed: false }),
      more: { rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }] },
    },
  });
  const type = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    resource: 'validatingwebhookconfigurations',
    kind: 'X',
    namespaced: false,
  };
  await validatingWebhooks(options).validate!(attributes({ type, namespace: '' }));
  assert.deepEqual(calls, []);
});
