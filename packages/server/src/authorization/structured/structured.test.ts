import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { readerOf } from '../../../test/reader-of.ts';
import type { AuthorizationAttributes } from '../../interfaces.ts';
import { authorizationOf } from './authorizers.ts';
import { parseAuthorizationConfiguration } from './configuration.ts';
import { compileCondition, conditionsMatch, type MatchCondition } from './match-conditions.ts';
import { reviewSpec } from './review-spec.ts';

const configuration = (authorizers: object[]) =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration', authorizers });
const webhook = (more: object = {}) => ({
  type: 'Webhook',
  name: 'w',
  webhook: {
    timeout: '3s',
    subjectAccessReviewVersion: 'v1',
    failurePolicy: 'NoOpinion',
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/missing/kubeconfig' },
    ...more,
  },
});
const attributes = (more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
  user: { name: 'ann', groups: ['dev'] },
  verb: 'list',
  isResourceRequest: true,
  path: '',
  apiGroup: '',
  apiVersion: 'v1',
  namespace: 'ns',
  resource: 'pods',
  subresource: '',
  name: '',
  ...more,
});

test('what is wrong with a configuration is told as upstream tells it', () => {
  const cases: [object[], string][] = [
    [[], 'authorizers: Required value: at least one authorization mode must be defined'],
    [
      [{ type: 'Moon', name: 'm' }],
      'authorizers[0].type: Unsupported value: "Moon": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
    ],
    [[{ type: 'ABAC', name: 'abac' }], 'is not built'],
    [
      [
        { type: 'RBAC', name: 'rbac' },
        { type: 'RBAC', name: 'again' },
      ],
      'authorizers[1].type: Duplicate value: "RBAC"',
    ],
    [[{ type: 'RBAC', name: 'roles' }], 'expected name rbac for authorizer RBAC instead of roles'],
    [[{ type: 'Webhook', name: 'w' }], 'authorizers[0].webhook: Required value: required when type=Webhook'],
    [[webhook({ timeout: '31s' })], 'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s'],
    [[webhook({ timeout: undefined })], 'authorizers[0].timeout: Required value'],
    [
      [webhook({ failurePolicy: 'Maybe' })],
      'authorizers[0].failurePolicy: Unsupported value: "Maybe": supported values: "NoOpinion", "Deny"',
    ],
    [[webhook({ subjectAccessReviewVersion: 'v2' })], 'subjectAccessReviewVersion: Unsupported value: "v2"'],
    [[webhook()], 'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "/missing/kubeconfig": error loading file'],
    [[webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'here' } })], 'must be an absolute path'],
    [[webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/' } })], 'must be a regular file'],
    [[webhook({ connectionInfo: { type: 'InClusterConfig' } })], 'use KubeConfigFile'],
    [[webhook({ matchConditions: [{ expression: 'true' }] })], 'required if match conditions are specified'],
    [[webhook({ matchConditions: [{ expression: 'request.user' }] })], 'must evaluate to bool but got string'],
    [[webhook({ matchConditions: [{ expression: 'request.usr' }] })], "undefined field 'usr'"],
    [[webhook({ colour: 'red' })], 'unknown field "authorizers[0].webhook.colour"'],
  ];
  for (const [authorizers, message] of cases) {
    const parse = () => parseAuthorizationConfiguration(configuration(authorizers));
    assert.throws(parse, (error: Error) => error.message.includes(message) || assert.fail(`${message}\n${error.message}`));
  }
});

test('a request is put as a review, with what its selectors demand', () => {
  const asked = reviewSpec(attributes({ fieldSelector: 'spec.nodeName=n1,status.phase!=Failed', labelSelector: 'app in (a,b),!old,n>3' }));
  assert.deepEqual(asked, {
    user: 'ann',
    groups: ['dev'],
    resourceAttributes: {
      namespace: 'ns',
      verb: 'list',
      version: 'v1',
      resource: 'pods',
      fieldSelector: {
        requirements: [
          { key: 'spec.nodeName', operator: 'In', values: ['n1'] },
          { key: 'status.phase', operator: 'NotIn', values: ['Failed'] },
        ],
      },
      labelSelector: {
        requirements: [
          { key: 'app', operator: 'In', values: ['a', 'b'] },
          { key: 'old', operator: 'DoesNotExist' },
        ],
      },
    },
  });
  assert.deepEqual(reviewSpec(attributes({ isResourceRequest: false, path: '/x', user: { name: 'a', groups: [], uid: 'u' } })), {
    user: 'a',
    uid: 'u',
    nonResourceAttributes: { path: '/x', verb: 'list' },
  });
});

test('one condition that is false decides, and otherwise what went wrong does', () => {
  const spec = reviewSpec(attributes());
  const compile = (...texts: string[]) => texts.map((text) => compileCondition(text) as MatchCondition);
  const holds = (...texts: string[]) => conditionsMatch(compile(...texts), spec);
  assert.equal(holds(), true);
  assert.equal(holds("request.resourceAttributes.namespace == 'ns'", "'dev' in request.groups", "request.uid == ''"), true);
  assert.equal(holds("request.extra['x'] == ['y']", "request.user == 'bob'"), false);
  assert.deepEqual(holds("request.extra['x'] == ['y']"), {
    error: "cel evaluation error: expression 'request.extra['x'] == ['y']' resulted in error: no such key: x",
  });
  assert.equal(holds('has(request.resourceAttributes.fieldSelector)'), false);
});

test('the chain is asked in order, and can be replaced but not lose a mode', async () => {
  const authorization = authorizationOf(
    configuration([
      { type: 'AlwaysDeny', name: 'alwaysdeny' },
      { type: 'RBAC', name: 'rbac' },
    ]),
    {
      reader: readerOf(),
      runtime: realRuntime(),
    },
  );
  assert.deepEqual(await authorization.authorizer.authorize(attributes()), { decision: 'noOpinion', reason: 'Everything is forbidden.' });
  const allow = { type: 'AlwaysAllow', name: 'alwaysallow' };
  assert.throws(() => authorization.update(configuration([allow])), { message: 'missing required types: [AlwaysDeny RBAC]' });
  assert.throws(
    () =>
      authorization.update(
        configuration([allow, { type: 'AlwaysDeny', name: 'alwaysdeny' }, { type: 'RBAC', name: 'rbac' }, { type: 'Node', name: 'node' }]),
      ),
    {
      message: 'authorizer type Node is not allowed if it was not enabled at initial server startup',
    },
  );
  authorization.update(configuration([allow, { type: 'AlwaysDeny', name: 'alwaysdeny' }, { type: 'RBAC', name: 'rbac' }]));
  assert.equal((await authorization.authorizer.authorize(attributes())).decision, 'allow');
  assert.equal(authorization.rulesFor({ name: 'ann', groups: [] }, 'ns').rules.length, 2);
});

test('a webhook’s kubeconfig is read when the chain is made, and rules can’t be listed then', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-authorizers-'));
  const kubeConfigFile = join(folder, 'kubeconfig');
  const make = () =>
    authorizationOf(configuration([webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile } })]), {
      reader: readerOf(),
      runtime: realRuntime(),
    });
  writeFileSync(kubeConfigFile, 'clusters: []');
  assert.throws(make, /no cluster with a server/);
  writeFileSync(kubeConfigFile, 'clusters: [{name: a, cluster: {server: "https://w"}}]\nusers: [{name: u, user: {exec: {command: x}}}]');
  assert.throws(make, /exec and auth-provider are not supported/);
  writeFileSync(kubeConfigFile, 'clusters: [{name: a, cluster: {server: "https://w"}}]');
  const authorization = make();
  assert.deepEqual(authorization.rulesFor({ name: 'ann', groups: [] }, 'ns'), {
    rules: [],
    errors: ['webhook authorizer does not support user rule resolution'],
    incomplete: true,
  });
  authorization.close();
  rmSync(folder, { recursive: true });
});
