import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, checkUpdate, row, selector, template } from '../test-support.ts';

const deployment = (changes: (d: any) => void = () => {}): any => {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', generation: 1, creationTimestamp: '2026-01-01T23:59:00Z' },
    spec: {
      replicas: 3,
      selector,
      template: template(),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
  };
  changes(object);
  return object;
};

const CASES: [name: string, changes: (d: any) => void, errors: string[]][] = [
  ['nothing wrong', () => {}, []],
  ['negative replicas', (d) => (d.spec.replicas = -1), ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [
    'a selector that misses its template',
    (d) => (d.spec.template.metadata.labels = { app: 'other' }),
    ['spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`'],
  ],
  ['an empty selector', (d) => (d.spec.selector = {}), ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']],
  [
    'pods that are not started again',
    (d) => (d.spec.template.spec.restartPolicy = 'Never'),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    'a rollout that cannot move',
    (d) => (d.spec.strategy.rollingUpdate = { maxSurge: 0, maxUnavailable: 0 }),
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
  ],
  [
    'a deadline that is over before a pod counts',
    (d) => (d.spec.minReadySeconds = 600),
    ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds'],
  ],
  [
    'a rolling update that recreates',
    (d) => (d.spec.strategy.type = 'Recreate'),
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
];
for (const [name, changes, errors] of CASES) test(`a deployment with ${name}`, () => assert.deepEqual(check(deployment(changes)), errors));

test('the selector stays', () => {
  const lines = checkUpdate(deployment(), (d) => {
    d.spec.selector = { matchLabels: { app: 'new' } };
    d.spec.template.metadata.labels = { app: 'new' };
  });
  assert.deepEqual(lines, ['spec.selector: Invalid value: {"matchLabels":{"app":"new"}}: field is immutable']);
});

test('the table of deployments', () => {
  const object = deployment((d) => (d.status = { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 }));
  assert.deepEqual(row(object), {
    Name: 'web',
    Ready: '2/3',
    'Up-to-date': 3,
    Available: 2,
    Age: '60s',
    Containers: 'web',
    Images: 'nginx',
    Selector: 'app=web',
  });
});
