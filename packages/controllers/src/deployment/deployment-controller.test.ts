import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1 } from '@tiphys/api';
import { controllerReference } from '../runtime/objects.ts';
import { at, deployment, nowAt, replicaSet, template } from '../testing/objects.ts';
import { planOf, planText } from '../testing/plan.ts';
import { deploymentController as controller } from './deployment-controller.ts';
import { proportionalSizes } from './scaling.ts';

interface SetFacts {
  image?: string;
  revision?: number;
  available?: number;
  desired?: number;
  max?: number;
  created?: number;
}

function setOf(d: appsv1.Deployment, name: string, replicas: number, facts: SetFacts = {}): appsv1.ReplicaSet {
  const { image = 'web:1', revision = 1, available = replicas, desired = d.spec!.replicas!, max = desired + 1, created = 0 } = facts;
  const set = replicaSet(name, replicas, { template: template(image, { app: 'web', 'pod-template-hash': name }), minReadySeconds: 0 });
  set.metadata = {
    ...set.metadata,
    creationTimestamp: at(created),
    ownerReferences: [controllerReference(appsv1.deployments, d)],
    annotations: {
      'deployment.kubernetes.io/revision': String(revision),
      'deployment.kubernetes.io/desired-replicas': String(desired),
      'deployment.kubernetes.io/max-replicas': String(max),
    },
  };
  set.status = { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1, terminatingReplicas: 0 };
  return set;
}

const lines = (text: string) => text.split('\n').filter((line) => !line.startsWith('updateStatus'));

test('creates a ReplicaSet for a new template', () => {
  const text = planText(controller, deployment('web', 3), [], nowAt(0));
  assert.match(
    text,
    /^create replicasets default\/web-[bcdfghjklmnpqrstvwxz2456789]{8,10}: no ReplicaSet has the Deployment's template; starts with 3\nupdateStatus deployments default\/web: 0 updated, 0 available of 3$/,
  );
});

test('a rolling update surges, then takes old replicas away as new ones become available', () => {
  const d = deployment('web', 4, { template: template('web:2') });
  const old = (replicas: number) => setOf(d, 'old', replicas, { max: 5 });
  const fresh = (replicas: number, available: number) =>
    setOf(d, 'new', replicas, { image: 'web:2', revision: 2, available, max: 5, created: 5 });
  const step = (a: number, b: number, available: number) => lines(planText(controller, d, [old(a), fresh(b, available)], nowAt(9)));
  assert.deepEqual(step(4, 1, 0), ['update replicasets default/old: enough replicas are available: 4 to 3']);
  assert.deepEqual(step(3, 1, 0), ['update replicasets default/new: room within the surge: 1 to 2']);
  assert.deepEqual(step(3, 2, 0), []);
  assert.deepEqual(step(3, 2, 2), ['update replicasets default/old: enough replicas are available: 3 to 1']);
  assert.deepEqual(step(1, 2, 2), ['update replicasets default/new: room within the surge: 2 to 4']);
  assert.deepEqual(step(1, 4, 4), ['update replicasets default/old: enough replicas are available: 1 to 0']);
  assert.deepEqual(step(0, 4, 4), []);
});

test('unhealthy old replicas go first', () => {
  const d = deployment('web', 10, {
    template: template('web:2'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
  });
  const old = setOf(d, 'old', 8, { available: 5 });
  const fresh = setOf(d, 'new', 5, { image: 'web:2', revision: 2, available: 5, created: 5 });
  assert.deepEqual(lines(planText(controller, d, [old, fresh], nowAt(9))), [
    'update replicasets default/old: unhealthy replicas of an old ReplicaSet: 8 to 5',
    'update replicasets default/old: enough replicas are available: 5 to 3',
  ]);
});

test('recreation waits for the old pods', () => {
  const d = deployment('web', 2, { template: template('web:2'), strategy: { type: 'Recreate' } });
  const old = setOf(d, 'old', 2);
  assert.deepEqual(lines(planText(controller, d, [old], nowAt(9))), [
    'update replicasets default/old: the old ReplicaSets go before the new one comes: 2 to 0',
  ]);
  const empty = { ...setOf(d, 'old', 0), status: { replicas: 1, observedGeneration: 1 } };
  assert.deepEqual(lines(planText(controller, d, [empty], nowAt(9))), []);
  const gone = setOf(d, 'old', 0);
  assert.match(lines(planText(controller, d, [gone], nowAt(9)))[0]!, /^create replicasets .* starts with 2$/);
});

test('rolling back to an old template takes over its ReplicaSet with a new revision', () => {
  const d = deployment('web', 2);
  const first = setOf(d, 'first', 0, { revision: 1 });
  const second = setOf(d, 'second', 2, { image: 'web:2', revision: 2, created: 5 });
  const [write] = planOf(controller, d, [first, second], nowAt(9));
  assert.ok(write?.do === 'update');
  assert.equal(write.object.metadata?.name, 'first');
  assert.equal(write.object.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
  assert.equal(write.object.metadata?.annotations?.['deployment.kubernetes.io/revision-history'], '1');
});

test('a scaled Deployment spreads the change in proportion while it rolls out', () => {
  const d = deployment('web', 30, {
    template: template('web:2'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
  });
  const old = setOf(d, 'old', 8, { desired: 10, max: 13 });
  const fresh = setOf(d, 'new', 5, { image: 'web:2', revision: 2, desired: 10, max: 13, available: 0, created: 5 });
  assert.deepEqual(lines(planText(controller, d, [old, fresh], nowAt(9))), [
    'update replicasets default/old: in proportion: 8 to 20',
    'update replicasets default/new: in proportion: 5 to 13',
  ]);
});

test('proportions never add up to anything but the change', () => {
  const d = deployment('web', 7, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } });
  const sets = [setOf(d, 'a', 5, { max: 10 }), setOf(d, 'b', 3, { max: 10 }), setOf(d, 'c', 2, { max: 10 })];
  const total = proportionalSizes(d, sets, -3).reduce((sum, [, size]) => sum + size, 0);
  assert.equal(total, 7);
});

test('a paused Deployment says so and scales only', () => {
  const d = deployment('web', 3, { paused: true });
  assert.equal(planText(controller, d, [], nowAt(0)), 'updateStatus deployments default/web: it was paused');
});

test('a rollout without progress is late after its deadline', () => {
  const d = deployment('web', 1, { progressDeadlineSeconds: 60 });
  d.metadata!.annotations = { 'deployment.kubernetes.io/revision': '1' };
  const set = setOf(d, 'web', 1, { available: 0, max: 2 });
  const condition = { type: 'Progressing', status: 'True', lastUpdateTime: at(0), lastTransitionTime: at(0), reason: 'ReplicaSetUpdated' };
  d.status = { replicas: 1, updatedReplicas: 1, observedGeneration: 1, conditions: [condition] };
  const conditionAt = (seconds: number) => {
    const write = planOf(controller, d, [set], nowAt(seconds)).find((action) => action.do === 'updateStatus');
    assert.ok(write);
    return (write.object as appsv1.Deployment).status?.conditions?.find(({ type }) => type === 'Progressing');
  };
  assert.equal(conditionAt(30)?.reason, 'ReplicaSetUpdated');
  assert.equal(conditionAt(61)?.reason, 'ProgressDeadlineExceeded');
  assert.equal(conditionAt(61)?.message, 'ReplicaSet "web" has timed out progressing.');
});

test('old revisions beyond the limit are removed when the rollout is complete', () => {
  const d = deployment('web', 1, { revisionHistoryLimit: 1, template: template('web:9') });
  d.metadata!.annotations = { 'deployment.kubernetes.io/revision': '4' };
  d.status = { replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1, observedGeneration: 1 };
  const old = [1, 2, 3].map((revision) => setOf(d, `r${revision}`, 0, { image: `web:${revision}`, revision }));
  const current = setOf(d, 'r4', 1, { image: 'web:9', revision: 4, max: 2 });
  assert.deepEqual(lines(planText(controller, d, [...old, current], nowAt(9))), [
    'delete replicasets default/r1: more than 1 old revisions',
    'delete replicasets default/r2: more than 1 old revisions',
  ]);
});

test('a name that another object has counts as a collision', () => {
  const d = deployment('web', 1);
  const created = planOf(controller, d, [], nowAt(0))[0];
  assert.ok(created?.do === 'create');
  const squatter = {
    ...replicaSet(created.object.metadata!.name!, 1),
    metadata: { ...created.object.metadata, uid: 'x', ownerReferences: [], labels: {} },
  };
  const [write] = planOf(controller, d, [squatter], nowAt(0));
  assert.ok(write?.do === 'updateStatus');
  assert.equal((write.object as appsv1.Deployment).status?.collisionCount, 1);
});

test('revisions are 64 bits wide', () => {
  const d = deployment('web', 1, { template: template('web:2') });
  const old = setOf(d, 'old', 1);
  old.metadata!.annotations!['deployment.kubernetes.io/revision'] = '3546343826724305832';
  const [created] = planOf(controller, d, [old], nowAt(0));
  assert.ok(created?.do === 'create');
  assert.equal(created.object.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3546343826724305833');
});
