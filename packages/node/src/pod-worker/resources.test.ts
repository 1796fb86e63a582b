import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import type { PodRuntime } from './pod-runtime.ts';
import { planResize, resizeMessage, resourcesOfPod, wantsOther, withResources } from './resources.ts';

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
  const { updates, restarts } = planResize(wanted, running('a', 'b', 'c'), (name) => has[name]);
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
  const plan = (cpu: string, memory: string) => planResize(pod({ a: give(cpu, memory) }, policy), running('a'), () => give('1', '1Gi'));
  assert.deepEqual([plan('2', '1Gi').restarts.length, plan('2', '1Gi').updates.cpu.length], [0, 1]);
  assert.deepEqual([plan('2', '2Gi').restarts.length, plan('2', '2Gi').updates.cpu.length], [1, 0]);
});

test('containers that do not run get their resources when they start', () => {
  const { updates, restarts } = planResize(pod({ a: give('2', '1Gi') }), running(), () => give('1', '1Gi'));
  assert.deepEqual([updates.cpu, updates.memory, restarts], [[], [], []]);
});

test('events tell the resources of every container', () => {
  assert.equal(
    resizeMessage('Pod resize started', pod({ a: { requests: { memory: '1Gi', cpu: '1' } } }), 2),
    'Pod resize started: {"containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}],"generation":2}',
  );
});
