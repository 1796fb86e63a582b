import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, resourcev1 } from '@tiphys/api';
import { at, nowAt } from '../testing/objects.ts';
import { planText } from '../testing/plan.ts';
import { deviceTaintEvictionController as controller } from './device-taint-eviction-controller.ts';

const taint = (more: Partial<resourcev1.DeviceTaint> = {}): resourcev1.DeviceTaint => ({
  key: 'hot',
  effect: 'NoExecute',
  timeAdded: at(0),
  ...more,
});

const slice = (taints: resourcev1.DeviceTaint[], generation = 1): resourcev1.ResourceSlice => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceSlice',
  metadata: { name: `slice-${generation}` },
  spec: { driver: 'd', pool: { name: 'p', generation, resourceSliceCount: 1 }, devices: [{ name: 'one', taints }] },
});

const claim = (tolerations: resourcev1.DeviceToleration[] = [], user = 'uid-p'): resourcev1.ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: { name: 'c', namespace: 'default' },
  spec: {},
  status: {
    allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'one', tolerations }] } },
    reservedFor: [{ resource: 'pods', name: 'p', uid: user }],
  },
});

const pod = (nodeName = 'n'): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid: 'uid-p' },
  spec: { nodeName, containers: [], resourceClaims: [{ name: 'device', resourceClaimName: 'c' }] },
  status: { phase: 'Running' },
});

const EVICTED = [
  'event Normal DeviceTaintManagerEviction: Marking for deletion',
  'patch pods/status default/p: says why it goes',
  'delete pods default/p: a device has a NoExecute taint',
].join('\n');

const plan = (one: resourcev1.ResourceClaim, ...slices: resourcev1.ResourceSlice[]) =>
  planText(controller, pod(), [one, ...slices], nowAt(10));

test('a pod leaves when its device is tainted, at once or when the toleration ends', () => {
  assert.equal(plan(claim(), slice([taint()])), EVICTED);
  const tolerated = (more: Partial<resourcev1.DeviceToleration>) =>
    claim([{ key: 'hot', operator: 'Exists', effect: 'NoExecute', ...more }]);
  assert.equal(plan(tolerated({}), slice([taint()])), '');
  assert.equal(plan(tolerated({ tolerationSeconds: 60 }), slice([taint()])), "wake at 00:01:00: its claim's toleration ends");
  assert.equal(plan(tolerated({ tolerationSeconds: 5 }), slice([taint()])), EVICTED);
  assert.equal(plan(tolerated({ operator: 'Equal', value: 'x' }), slice([taint({ value: 'y' })])), EVICTED);
  assert.equal(plan(tolerated({ effect: 'NoSchedule' }), slice([taint()])), EVICTED);
});

test('other effects, old slices, other users and pods without a node change nothing', () => {
  assert.equal(plan(claim(), slice([taint({ effect: 'NoSchedule' })])), '');
  assert.equal(plan(claim(), slice([taint()], 1), slice([], 2)), '');
  assert.equal(plan(claim([], 'somebody'), slice([taint()])), '');
  assert.equal(planText(controller, pod(''), [claim(), slice([taint()])], nowAt(10)), '');
});
