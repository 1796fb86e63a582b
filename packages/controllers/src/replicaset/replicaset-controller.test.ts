import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import { nowAt, pod, replicaSet } from '../testing/objects.ts';
import { planOf, planText } from '../testing/plan.ts';
import { BURST_REPLICAS_MAX } from './replicas.ts';
import { replicaSetController as controller } from './replicaset-controller.ts';

const lines = (...text: string[]) => text.join('\n');
const owned = (set: appsv1.ReplicaSet): [typeof appsv1.replicasets, appsv1.ReplicaSet] => [appsv1.replicasets, set];

test('creates what is missing', () => {
  assert.equal(
    planText(controller, replicaSet('web', 3), []),
    lines('3 × create pods default/web-*: 0 of 3 replicas', 'updateStatus replicasets default/web: 0 of 3 ready'),
  );
});

test('creates no more than a burst at once', () => {
  const [first] = planOf(controller, replicaSet('web', 5000), []);
  assert.equal(first?.do === 'group' && first.writes.length, BURST_REPLICAS_MAX);
});

test('deletes unscheduled, pending and unready pods first, then those on crowded nodes', () => {
  const set = replicaSet('web', 1);
  const pods = [
    pod('steady', owned(set), { node: 'a' }),
    pod('crowded', owned(set), { node: 'b' }),
    pod('crowding', owned(set), { node: 'b', ready: false }),
    pod('unscheduled', owned(set), { node: '', phase: 'Pending', ready: false }),
  ];
  assert.equal(
    planText(controller, set, pods, nowAt(100)),
    lines(
      'delete pods default/unscheduled: 4 for 1 replicas',
      'delete pods default/crowding: 4 for 1 replicas',
      'delete pods default/crowded: 4 for 1 replicas',
      'updateStatus replicasets default/web: 2 of 1 ready',
    ),
  );
});

test('the deletion cost decides between ready pods', () => {
  const set = replicaSet('web', 1);
  const cheap = pod('cheap', owned(set), { node: 'a' });
  cheap.metadata!.annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-5' };
  const text = planText(controller, set, [pod('dear', owned(set), { node: 'b' }), cheap], nowAt(100));
  assert.match(text, /^delete pods default\/cheap:/);
});

test('adopts a matching orphan before it plans', () => {
  assert.equal(
    planText(controller, replicaSet('web', 2), [pod('stray', undefined)]),
    'patch pods default/stray: it has no controller and the selector matches',
  );
});

test('releases a pod whose labels changed', () => {
  const set = replicaSet('web', 1);
  assert.equal(
    planText(controller, set, [pod('web-1', owned(set), { labels: { app: 'debug' } })]),
    'patch pods default/web-1: the selector does not match it any more',
  );
});

test('leaves finished pods alone and replaces them', () => {
  const set = replicaSet('web', 1);
  assert.match(planText(controller, set, [pod('done', owned(set), { phase: 'Failed', ready: false })]), /^create pods/);
});

test('nothing to do when status says it all', () => {
  const set = replicaSet('web', 1);
  set.status = {
    replicas: 1,
    fullyLabeledReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    terminatingReplicas: 0,
    observedGeneration: 1,
  };
  assert.equal(planText(controller, set, [pod('web-1', owned(set))]), '');
});

test('wakes when a ready pod becomes available', () => {
  const set = replicaSet('web', 1, { minReadySeconds: 10 });
  assert.equal(
    planText(controller, set, [pod('web-1', owned(set), { since: 5 })], nowAt(7)),
    lines('updateStatus replicasets default/web: 1 of 1 ready', 'wake at 00:00:15: a ready pod becomes available'),
  );
});

test('a failed creation becomes the ReplicaFailure condition', () => {
  const set = replicaSet('web', 1);
  const failure = new StatusError(403, 'Forbidden', 'pods "web-x" is forbidden: exceeded quota: q');
  const after = planOf(controller, set, [], nowAt(0)).find((action) => action.do === 'after');
  const [write] = after!.then({ failure, failed: 'create', results: [] });
  assert.ok(write?.do === 'updateStatus');
  assert.deepEqual((write.object as appsv1.ReplicaSet).status?.conditions, [
    {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      reason: 'FailedCreate',
      message: 'pods "web-x" is forbidden: exceeded quota: q',
    },
  ]);
});
