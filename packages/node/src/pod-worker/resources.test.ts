import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { ran, runtime } from '../../test/pods.ts';
import { planPod } from './plan.ts';
import { podLevelStatus } from './pod-level.ts';
import type { PodRuntime } from './pod-runtime.ts';
import { planResize, resizeIsNeeded, resizeMessage, resourcesOfPod, wantsOther, withResources } from './resources.ts';

const give = (cpu: string, memory: string): corev1.ResourceRequirements => ({ requests: { cpu, memory }, limits: { cpu, memory } });

const pod = (resources: Record<string, corev1.ResourceRequirements>, resizePolicy: corev1.ContainerResizePolicy[] = []): corev1.Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u', generation: 2 },
  spec: { containers: Object.entries(resources).map(([name, each]) => ({ name, image: 'i', resources: each, resizePolicy })) },
});

const running = (...names: string[]): PodRuntime => ({
  sandboxes: [],
  containers: names.map((name) => ({ id: `id-${name}`, name, state: 'running' })) as unknown as PodRuntime['containers'],
});

test('equal amounts in other words are no resize', () => {
  const given = resourcesOfPod(pod({ a: give('1', '1Gi') }));
  assert.equal(wantsOther(pod({ a: give('1000m', '1024Mi') }), given), false);
  assert.equal(wantsOther(pod({ a: give('1', '2Gi') }), given), true);
});

test('a pod runs with what it was given, not with what it wants', () => {
  const given = resourcesOfPod(pod({ a: give('1', '1Gi') }));
  const wanting = pod({ a: give('2', '1Gi') });
  const shown = withResources(wanting, given);
  assert.deepEqual(shown.spec!.containers[0]!.resources, give('1', '1Gi'));
  assert.deepEqual(wanting.spec!.containers[0]!.resources, give('2', '1Gi'));
});

test('what shrinks comes before what grows, for each resource apart', () => {
  const has: Record<string, corev1.ResourceRequirements> = { a: give('1', '2Gi'), b: give('2', '1Gi'), c: give('1', '1Gi') };
  const wanted = pod({ a: give('2', '1Gi'), b: give('1', '2Gi'), c: give('1', '1Gi') });
  const { updates, restarts } = planResize(wanted, running('a', 'b', 'c'), { containers: has });
  assert.deepEqual(
    updates.cpu.map(({ id }) => id),
    ['id-b', 'id-a'],
  );
  assert.deepEqual(
    updates.memory.map(({ id }) => id),
    ['id-a', 'id-b'],
  );
  assert.deepEqual(restarts, []);
});

test('a container restarts only for the resource whose policy says so', () => {
  const policy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const given = { containers: { a: give('1', '1Gi') } };
  const plan = (cpu: string, memory: string) => planResize(pod({ a: give(cpu, memory) }, policy), running('a'), given);
  assert.deepEqual([plan('2', '1Gi').restarts.length, plan('2', '1Gi').updates.cpu.length], [0, 1]);
  assert.deepEqual([plan('2', '2Gi').restarts.length, plan('2', '2Gi').updates.cpu.length], [1, 0]);
});

test('containers that do not run get their resources when they start', () => {
  const { updates, restarts } = planResize(pod({ a: give('2', '1Gi') }), running(), { containers: { a: give('1', '1Gi') } });
  assert.deepEqual([updates.cpu, updates.memory, restarts], [[], [], []]);
});

test('events tell the resources of every container', () => {
  assert.equal(
    resizeMessage('Pod resize started', pod({ a: { requests: { memory: '1Gi', cpu: '1' } } }), 2),
    'Pod resize started: {"containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}],"generation":2}',
  );
});

const whole = (memory: string, containers: Record<string, corev1.ResourceRequirements> = { a: {}, b: give('1', '1Gi') }): corev1.Pod => {
  const made = pod(containers);
  return { ...made, spec: { ...made.spec!, resources: give('2', memory) } };
};

test('a container without limits lives within its pod’s, and follows them', () => {
  const has = { pod: give('2', '2Gi'), containers: { a: { limits: { cpu: '2', memory: '2Gi' } }, b: give('1', '1Gi') } };
  const same = planResize(whole('2Gi'), running('a', 'b'), has);
  assert.equal(resizeIsNeeded(same), false);
  const { updates, pod: isForPod } = planResize(whole('3Gi'), running('a', 'b'), has);
  assert.deepEqual([isForPod, updates.memory.map(({ id }) => id), updates.cpu], [true, ['id-a'], []]);
});

test('a pod that has never run is not being resized', () => {
  assert.equal(resizeIsNeeded(planResize(whole('2Gi'), running(), { containers: {} })), false);
});

test('the status says what the pod as a whole was given, and what it has', () => {
  const [allocated, actuated] = [whole('3Gi'), whole('2Gi')];
  assert.deepEqual(podLevelStatus(allocated, actuated, true), {
    resources: give('2', '2Gi'),
    allocatedResources: { cpu: '2', memory: '3Gi' },
  });
  const plain = pod({ a: give('100m', '64Mi'), b: { requests: { cpu: '1' } } });
  assert.deepEqual(podLevelStatus(plain, plain, false), {
    resources: { limits: { cpu: '100m', memory: '64Mi' }, requests: { cpu: '1100m', memory: '64Mi' } },
    allocatedResources: { cpu: '1100m', memory: '64Mi' },
  });
  assert.deepEqual(podLevelStatus(plain, plain, true).resources, { requests: { cpu: '1100m', memory: '64Mi' } });
  assert.deepEqual(podLevelStatus(pod({ a: {} }), pod({ a: {} }), true), { resources: {} });
});

test('an init container is resized, too, and runs again when its policy says so', () => {
  const policy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const init = { name: 'i', image: 'i', resources: give('2', '1Gi'), resizePolicy: policy };
  const starting: corev1.Pod = { ...pod({ a: {} }), spec: { ...pod({ a: {} }).spec!, initContainers: [init] } };
  const state = runtime(ran('i', 'running'));
  const planOf = (has: corev1.ResourceRequirements) => {
    const resize = planResize(starting, state, { containers: { i: has } });
    const plan = planPod(starting, state, { liveness: () => undefined, startup: () => undefined }, { resize });
    return [plan.resize.updates.cpu.length, plan.toKill.map(({ message }) => message), plan.initToStart];
  };
  assert.deepEqual(planOf(give('1', '1Gi')), [1, [], []]);
  assert.deepEqual(planOf(give('2', '2Gi')), [0, ['Container i resize requires restart'], ['i']]);
});
