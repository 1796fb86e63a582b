// Upstream's cases of the small questions about Deployments and ReplicaSets as facts (util/deployment_util_test.go, util/hash_test.go and
// the names in sync_test.go, in pkg/controller/deployment of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { appsv1, corev1 } from '@tiphys/api';
import { conditionOf, withCondition, withoutCondition } from '../conditions.ts';
import { matchesSelector } from '../pods/selectors.ts';
import { templateHash } from '../pods/template-hash.ts';
import { at, deployment, nowAt, replicaSet } from '../testing/objects.ts';
import { replicaSetName } from './new-replica-set.ts';
import { maxSurge, maxUnavailable, replicasOf } from './numbers.ts';
import {
  activeSets,
  actualPods,
  countAnnotation,
  type Deployment,
  equalTemplates,
  findNew,
  newSetAnnotations,
  type ReplicaSet,
  replicaAnnotations,
  terminatingPods,
  wantedPods,
} from './replica-sets.ts';
import { fractionOf, isSaturated } from './scaling.ts';
import { hasTimedOut, isComplete, madeProgress } from './status.ts';

const HASH = 'pod-template-hash';
const template = (name: string, node: string, annotations: Record<string, string>, labels: Record<string, string>) =>
  ({ metadata: { name, annotations, labels }, spec: { nodeName: node } }) as corev1.PodTemplateSpec;
const other = (hash?: string) => ({ ...(hash ? { [HASH]: hash } : {}), something: 'else' });
const only = (hash: string) => ({ [HASH]: hash });
const TEMPLATES: readonly [string, corev1.PodTemplateSpec, corev1.PodTemplateSpec, boolean][] = [
  ['all the same', template('foo', 'node', {}, other('1')), template('foo', 'node', {}, other('1')), true],
  ['another hash', template('foo', 'node', {}, other('1')), template('foo', 'node', {}, other('2')), true],
  ['one hash', template('foo', 'node', {}, other()), template('foo', 'node', {}, other('2')), true],
  ['a label and a hash', template('foo', 'node', {}, other()), template('foo', 'node', {}, only('2')), false],
  ['a hash and a label', template('foo', 'node', {}, only('1')), template('foo', 'node', {}, other()), false],
  ['a label more', template('foo', 'node', {}, only('1')), template('foo', 'node', {}, other('1')), false],
  ['annotations', template('foo', 'node', { a: 'v' }, other('1')), template('foo', 'node', { b: 'v' }, other('1')), false],
  ['names and hashes', template('foo-1', 'node', {}, other('1')), template('foo-2', 'node', {}, other('2')), false],
  ['nodes, one hash', template('foo-1', 'node-1', {}, other()), template('foo-2', 'node-2', {}, other('2')), false],
  ['nodes and labels', template('foo', 'node-1', {}, other()), template('foo', 'node-2', {}, { nothing: 'else' }), false],
];
test(`equal templates: ${2 * TEMPLATES.length} cases`, () => {
  for (const [name, former, latter, expected] of TEMPLATES) {
    assert.equal(equalTemplates(former, latter), expected, name);
    assert.equal(equalTemplates(latter, former), expected, `${name}, the other way round`);
  }
});

const nginx = deployment('nginx', 1);
const madeFor = (d: Deployment, name: string, created: number, replicas = 0): ReplicaSet => {
  const set = replicaSet(name, replicas, { template: d.spec!.template });
  return { ...set, metadata: { ...set.metadata, creationTimestamp: at(created) } };
};
const before = deployment('nginx', 1, { template: { ...nginx.spec!.template, metadata: { labels: { app: 'old' } } } });
const [fresh, twin, old] = [madeFor(nginx, 'new', 60, 1), madeFor(nginx, 'twin', 0), madeFor(before, 'old', -60)];

test('the new ReplicaSet and the old ones: 7 cases', () => {
  assert.equal(findNew(nginx, [fresh, old]), fresh);
  assert.equal(findNew(nginx, [fresh, old, twin]), twin);
  assert.equal(findNew(nginx, [old]), undefined);
  const olds = (sets: ReplicaSet[]) => {
    const newSet = findNew(nginx, sets);
    const rest = sets.filter((set) => set !== newSet);
    return { all: rest, active: activeSets(rest) };
  };
  assert.deepEqual(olds([fresh, old]), { all: [old], active: [] });
  assert.deepEqual(olds([old]), { all: [old], active: [] });
  assert.deepEqual(olds([old, fresh, twin]), { all: [old, fresh], active: [fresh] });
  assert.deepEqual(olds([fresh]), { all: [], active: [] });
});

test('counts of pods: 6 cases', () => {
  const counted = (replicas: number, status: appsv1.ReplicaSetStatus) => ({ ...replicaSet('rs', replicas), status });
  const rs1 = counted(1, { replicas: 2, observedGeneration: 1, terminatingReplicas: 3 });
  const rs2 = counted(2, { replicas: 3, terminatingReplicas: 1 });
  const rs3 = counted(3, { replicas: 0 });
  const rs4 = counted(1, { replicas: 1, observedGeneration: 1 });
  const counts = (...sets: ReplicaSet[]) => [wantedPods(sets), actualPods(sets), terminatingPods(sets)];
  assert.deepEqual(counts(rs1), [1, 2, 3]);
  assert.deepEqual(counts(rs1, rs2), [3, 5, 4]);
  assert.deepEqual(counts(rs3), [3, 0, 0]);
  assert.deepEqual(counts(rs1, rs2, rs3), [6, 5, 4]);
  assert.deepEqual(counts(rs4), [1, 1, undefined]);
  assert.deepEqual(counts(rs1, rs2, rs3, rs4), [7, 6, undefined]);
});

test('limits that cannot be read: 2 cases', () => {
  for (const rollingUpdate of [
    { maxSurge: 'oops', maxUnavailable: '39%' },
    { maxSurge: '55%', maxUnavailable: 'urg' },
  ]) {
    const d = deployment('foo', 10, { strategy: { type: 'RollingUpdate', rollingUpdate } });
    assert.deepEqual([maxSurge(d), maxUnavailable(d)], [0, 0]);
  }
});

const isProgressing = { type: 'Progressing', status: 'False', reason: 'ForSomeReason' };
const isProgressing2 = { type: 'Progressing', status: 'True', reason: 'BecauseItIs' };
const isAvailable = { type: 'Available', status: 'True', reason: 'AwesomeController' };
test('conditions: 8 cases', () => {
  assert.equal(conditionOf([isProgressing, isAvailable], 'Available'), isAvailable);
  assert.equal(conditionOf([isProgressing, isAvailable], 'ReplicaFailure'), undefined);
  assert.deepEqual(withCondition([], isAvailable), [isAvailable]);
  assert.deepEqual(withCondition([isProgressing], isAvailable), [isProgressing, isAvailable]);
  assert.deepEqual(withCondition([isProgressing], isProgressing2), [isProgressing2]);
  assert.deepEqual(withoutCondition([], 'Progressing'), []);
  assert.deepEqual(withoutCondition([isProgressing], 'Progressing'), []);
  assert.deepEqual(withoutCondition([isProgressing, isAvailable], 'ReplicaFailure'), [isProgressing, isAvailable]);
});

test('complete: 6 cases', () => {
  const complete = (wanted: number, replicas: number, updatedReplicas: number, availableReplicas: number) =>
    isComplete({ ...deployment('d', wanted), metadata: {} }, { replicas, updatedReplicas, availableReplicas });
  assert.equal(complete(5, 5, 5, 4), false);
  assert.equal(complete(5, 5, 5, 3), false);
  assert.equal(complete(5, 5, 5, 5), true);
  assert.equal(complete(5, 5, 4, 5), false);
  assert.equal(complete(1, 2, 1, 1), false);
  assert.equal(complete(1, 1, 1, 0), false);
});

test('progress: 7 cases', () => {
  const status = ([replicas, updatedReplicas, readyReplicas, availableReplicas]: number[]) =>
    ({ replicas, updatedReplicas, readyReplicas, availableReplicas }) as appsv1.DeploymentStatus;
  for (const [was, is, expected] of [
    [[10, 4, 4, 4], [10, 6, 4, 4], true],
    [[10, 4, 4, 4], [10, 4, 4, 4], false],
    [[10, 4, 6, 6], [8, 4, 6, 6], true],
    [[10, 7, 3, 3], [10, 6, 3, 3], false],
    [[10, 4, 7, 7], [8, 8, 5, 5], true],
    [[10, 10, 9, 8], [10, 10, 10, 8], true],
    [[10, 10, 10, 9], [10, 10, 10, 10], true],
  ] as const)
    assert.equal(madeProgress(status([...was]), status([...is])), expected, `${was} to ${is}`);
});

test('late: 5 cases', () => {
  const late = (deadline: number | undefined, reason: string, from: number, now: number) => {
    const { progressDeadlineSeconds: _, ...spec } = deployment('d', 1).spec!;
    const d = { spec: { ...spec, ...(deadline === undefined ? {} : { progressDeadlineSeconds: deadline }) } };
    return hasTimedOut(
      { d, nowMs: nowAt(now) },
      { conditions: [{ type: 'Progressing', status: 'True', reason, lastUpdateTime: at(from) }] },
    );
  };
  assert.equal(late(undefined, '', 69, 80), false);
  assert.equal(late(2 ** 31 - 1, '', 69, 80), false);
  assert.equal(late(10, '', 69, 80), true);
  assert.equal(late(10, '', 71, 80), false);
  assert.equal(late(undefined, 'NewReplicaSetAvailable', 0, 0), false);
});

test('numbers in annotations: 8 cases', () => {
  const value = (test?: string) => {
    const set = replicaSet('rs', 1);
    return countAnnotation({ ...set, metadata: { ...set.metadata, annotations: test === undefined ? {} : { test, foo: '2' } } }, 'test');
  };
  assert.deepEqual([value(), value('invalid'), value('-1'), value('0'), value('13')], [undefined, undefined, undefined, 0, 13]);
  assert.deepEqual([value(`${2 ** 31 - 1}`), value(`${2 ** 31}`), value(`${2 ** 32}`)], [2 ** 31 - 1, undefined, undefined]);
});

test('annotations: 7 cases', () => {
  const REVISION = 'deployment.kubernetes.io/revision';
  const d = { ...nginx, metadata: { ...nginx.metadata, annotations: { [REVISION]: '1' } } };
  let annotations: Readonly<Record<string, string>> = {};
  for (let revision = 11; revision <= 20; revision++) {
    // Upstream's test keeps no more than five characters of history; what is kept here is longer and ends alike.
    annotations = newSetAnnotations(d, annotations, BigInt(revision));
    assert.equal(annotations[REVISION], `${revision}`);
    if (revision > 12) assert.ok(annotations['deployment.kubernetes.io/revision-history']!.endsWith(`${revision - 2},${revision - 1}`));
  }
  const surging = deployment('d', 10, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  assert.deepEqual(replicaAnnotations(surging), {
    'deployment.kubernetes.io/desired-replicas': '10',
    'deployment.kubernetes.io/max-replicas': '11',
  });
  const set = { ...replicaSet('rs', 1), status: { replicas: 1, availableReplicas: 1 } };
  assert.equal(isSaturated(nginx, { ...set, metadata: { annotations: { 'deployment.kubernetes.io/desired-replicas': '1' } } }), true);
  const right = { 'deployment.kubernetes.io/desired-replicas': '10', 'deployment.kubernetes.io/max-replicas': '20' };
  const twice = deployment('d', 10, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 10, maxUnavailable: 0 } } });
  for (const [there, expected] of [
    [{}, true],
    [{ ...right, 'deployment.kubernetes.io/desired-replicas': '8' }, true],
    [{ ...right, 'deployment.kubernetes.io/max-replicas': '16' }, true],
    [right, false],
  ] as const) {
    const needed = Object.entries(replicaAnnotations(twice)).some(([key, value]) => (there as Record<string, string>)[key] !== value);
    assert.equal(needed, expected);
  }
});

test('Deployments of a ReplicaSet: 5 cases', () => {
  const selecting = [0, 1, 2].map((n) => deployment(`deployment-${n}`, 1, { selector: { matchLabels: { app: `test-${n}` } } }));
  for (const n of [0, 1, 2, 3, 4]) {
    const set = { metadata: { labels: { app: `test-${n}`, label: `label-${n}` } } };
    const found = selecting.filter((d) => matchesSelector(d.spec?.selector)?.(set));
    assert.deepEqual(found, n < 3 ? [selecting[n]] : []);
  }
});

test('the least that has to be available: 8 cases', () => {
  const least = (replicas: number, unavailable: number | string) => {
    const d = deployment('d', replicas, {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: unavailable } },
    });
    return replicasOf(d) - maxUnavailable(d);
  };
  assert.deepEqual([least(10, 5), least(10, 10), least(5, 10), least(0, 10)], [5, 0, 0, 0]);
  assert.deepEqual([least(10, '60%'), least(10, '100%'), least(5, '100%')], [4, 0, 0]);
  // Who recreates asks for none: nothing there is rolled.
  assert.equal(maxUnavailable(deployment('d', 10, { strategy: { type: 'Recreate' } })), 0);
});

test("a ReplicaSet's share of a change: 9 cases", () => {
  const share = (replicas: number, size: number, { status = 0, surge = 0, max = '' }) => {
    const rollingUpdate = { maxSurge: surge, maxUnavailable: 1 };
    const d = { ...deployment('nginx', replicas, { strategy: { type: 'RollingUpdate', rollingUpdate } }), status: { replicas: status } };
    const set = replicaSet('rs', size);
    return fractionOf(d, {
      ...set,
      metadata: { ...set.metadata, annotations: max ? { 'deployment.kubernetes.io/max-replicas': max } : {} },
    });
  };
  assert.deepEqual([share(0, 10, {}), share(10, 5, {}), share(10, 5, { max: '0' })], [-10, 0, 0]);
  assert.deepEqual(
    [share(120, 50, { status: 100 }), share(120, 50, { status: 100, max: '0' }), share(120, 50, { max: '100' })],
    [10, 10, 10],
  );
  assert.equal(share(120, 50, { surge: 10, max: '110' }), 9);
  assert.equal(share(10, 6, { max: '12' }), -1);
  assert.equal(share(100, 50, { surge: 10, max: '130' }), -8);
});

test('names of ReplicaSets: 7 cases', () => {
  const [a, b, d, h] = ['a', 'b', 'd', 'h'].map((letter) => (count: number) => letter.repeat(count));
  const hash = 'abcde12345';
  assert.equal(replicaSetName('my-deployment', hash), `my-deployment-${hash}`);
  assert.equal(replicaSetName(a!(242), hash), `${a!(242)}-${hash}`);
  assert.equal(replicaSetName(a!(250), hash), `${a!(242)}-${hash}`);
  assert.equal(replicaSetName(b!(250), hash), `${b!(242)}-${hash}`);
  assert.equal(replicaSetName(d!(252), h!(252)), `${d!(252)}-${h!(252)}`);
  for (const name of [a!(250), a!(242)]) assert.equal(replicaSetName(name, hash).length, 253);
});

test('a thousand templates have a thousand hashes: 1 case', () => {
  const probe = (path: string, initialDelaySeconds: number) => ({
    httpGet: { path, port: 9077, scheme: 'HTTP' },
    ...{ initialDelaySeconds, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  });
  const cats = (version: number): corev1.PodTemplateSpec => ({
    metadata: { labels: { app: 'cats' } },
    spec: {
      containers: [
        {
          name: 'cats',
          image: `registry/test/cats:v0.${version}.0`,
          ports: [{ name: 'http', containerPort: 9077, protocol: 'TCP' }],
          env: [
            { name: 'DEPLOYMENT_ENVIRONMENT', value: 'cats-stubbed-functional' },
            { name: 'APP_NAME', value: 'cats' },
          ],
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
          livenessProbe: probe('/private/status', 30),
          readinessProbe: probe('/private/status', 1),
          terminationMessagePath: '/dev/termination-log',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      ...{ restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {} },
    },
  });
  const hashes = new Set(Array.from({ length: 1000 }, (_, version) => templateHash(cats(version), undefined)));
  assert.equal(hashes.size, 1000);
});
