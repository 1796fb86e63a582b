import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coordinationv1, corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import { type Client, inProcessClient, userInfo } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { type Runtime, realRuntime, seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { type SimulatedNodesOptions, startSimulatedNodes } from './simulated-nodes.ts';
import { DURATION_ANNOTATION, EXIT_CODE_ANNOTATION, type PodStage } from './stages.ts';

const NAMESPACE = 'default';

async function startTestCluster(runtime: Runtime, nodes: Pick<SimulatedNodesOptions, 'count' | 'stages'>) {
  const store = memoryStore();
  const server = createApiServer({ runtime, store, definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: userInfo('test', ['system:masters']) });
  for (const name of [NAMESPACE, 'kube-node-lease']) await client.of(corev1.namespaces).create({ metadata: { name } });
  const simulated = startSimulatedNodes({ client, runtime, ...nodes });
  await simulated.ready;
  return {
    client,
    simulated,
    [Symbol.asyncDispose]: async () => {
      await simulated.stop();
      await client.close();
      await server.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Resolves to what the check answers as soon as it answers something. */
function until<T extends KubeObject, R>(
  client: Client,
  type: ResourceType<T>,
  check: (objects: readonly T[]) => R | undefined | false,
): Promise<R> {
  const informer = client.informer(type);
  return new Promise((resolve) => {
    const look = () => {
      const found = check(informer.list());
      if (found === undefined || found === false) return;
      queueMicrotask(() => stop());
      resolve(found);
    };
    const stop = informer.subscribe({ added: look, updated: look, deleted: look });
    void informer.synced().then(look);
  });
}

const pod = (name: string, spec: Partial<corev1.PodSpec> = {}, annotations: Record<string, string> = {}): corev1.Pod => ({
  metadata: { name, namespace: NAMESPACE, annotations },
  spec: { nodeName: 'simulated-1', containers: [{ name: 'main', image: 'registry.example/main:1' }], ...spec } as corev1.PodSpec,
});

const inPhase = (client: Client, name: string, phase: string) =>
  until(client, corev1.pods, (pods) => pods.find((each) => each.metadata!.name === name && each.status?.phase === phase));

const conditionsOf = (object: corev1.Pod) =>
  Object.fromEntries((object.status?.conditions ?? []).map(({ type, status, reason }) => [type, reason ? `${status} ${reason}` : status]));

test('nodes are registered as a kubelet does it', async () => {
  await using cluster = await startTestCluster(realRuntime(), { count: 2 });
  const nodes = await cluster.client.of(corev1.nodes).list();
  assert.deepEqual(
    nodes.items.map(({ metadata }) => metadata!.name),
    ['simulated-1', 'simulated-2'],
  );
  const [node] = nodes.items;
  assert.equal(node!.metadata!.labels!['kubernetes.io/hostname'], 'simulated-1');
  assert.equal(node!.status!.capacity!.cpu, '32');
  assert.equal(node!.status!.capacity!.memory, '256Gi');
  assert.deepEqual(
    node!.status!.conditions!.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    [
      'MemoryPressure False KubeletHasSufficientMemory',
      'DiskPressure False KubeletHasNoDiskPressure',
      'PIDPressure False KubeletHasSufficientPID',
      'Ready True KubeletReady',
    ],
  );
  const lease = await cluster.client.of(coordinationv1.leases).get('simulated-1', 'kube-node-lease');
  assert.equal(lease.spec!.holderIdentity, 'simulated-1');
  assert.equal(lease.metadata!.ownerReferences![0]!.uid, node!.metadata!.uid);
});

test('a pod runs, and ends when it is deleted', async () => {
  await using cluster = await startTestCluster(realRuntime(), { count: 1 });
  const pods = cluster.client.of(corev1.pods);
  const inits = [
    { name: 'setup', image: 'setup:1' },
    { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' },
  ] as corev1.Container[];
  await pods.create(pod('web', { initContainers: inits }));
  const running = await inPhase(cluster.client, 'web', 'Running');
  assert.deepEqual(conditionsOf(running), {
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  });
  const { status } = running;
  assert.equal(status!.podIP, '10.128.0.2');
  assert.equal(status!.hostIP, '100.64.0.0');
  assert.ok(status!.containerStatuses![0]!.state!.running);
  assert.deepEqual(
    status!.initContainerStatuses!.map(({ name, state, ready }) => [name, Object.keys(state!)[0], ready]),
    [
      ['setup', 'terminated', true],
      ['proxy', 'running', true],
    ],
  );
  await pods.patch('web', NAMESPACE, 'merge', { metadata: { finalizers: ['example.com/wait'] } });
  await pods.delete('web', NAMESPACE);
  const ended = await inPhase(cluster.client, 'web', 'Failed');
  assert.equal(ended.status!.containerStatuses![0]!.state!.terminated!.exitCode, 137);
  await pods.patch('web', NAMESPACE, 'json', [{ op: 'remove', path: '/metadata/finalizers' }]);
  await until(cluster.client, corev1.pods, (all) => all.length === 0);
  await pods.create(pod('next'));
  assert.equal((await inPhase(cluster.client, 'next', 'Running')).status!.podIP, '10.128.0.3');
});

test('a readiness gate keeps a pod from being ready until it opens', async () => {
  await using cluster = await startTestCluster(realRuntime(), { count: 1 });
  const gate = 'example.com/open';
  await cluster.client.of(corev1.pods).create(pod('gated', { readinessGates: [{ conditionType: gate }] }));
  const closed = await inPhase(cluster.client, 'gated', 'Running');
  assert.equal(conditionsOf(closed).Ready, 'False ReadinessGatesNotReady');
  const open = { status: { conditions: [{ type: gate, status: 'True' }] } };
  await cluster.client.of(corev1.pods).patch('gated', NAMESPACE, 'strategic', open, { subresource: 'status' });
  await until(cluster.client, corev1.pods, ([only]) => only !== undefined && conditionsOf(only).Ready === 'True');
});

test('on a virtual clock, work ends when its time has come', async () => {
  const clock = virtualClock();
  const runtime = { clock, random: seededRandom(1), log: silentLogger };
  await using cluster = await startTestCluster(runtime, { count: 1 });
  const pods = cluster.client.of(corev1.pods);
  const once = { restartPolicy: 'Never' as const };
  await pods.create(pod('short', once, { [DURATION_ANNOTATION]: '5s' }));
  await pods.create(pod('failing', once, { [DURATION_ANNOTATION]: '5s', [EXIT_CODE_ANNOTATION]: '3' }));
  await pods.create(pod('service', once));
  for (const name of ['short', 'failing', 'service']) await inPhase(cluster.client, name, 'Running');
  const phases = async () => (await pods.list()).items.map(({ metadata, status }) => `${metadata!.name} ${status!.phase}`);
  await clock.advance(4000);
  assert.deepEqual(await phases(), ['failing Running', 'service Running', 'short Running']);
  await clock.advance(1000);
  await inPhase(cluster.client, 'short', 'Succeeded');
  const failed = await inPhase(cluster.client, 'failing', 'Failed');
  assert.equal(failed.status!.containerStatuses![0]!.state!.terminated!.exitCode, 3);
  assert.equal((await pods.get('service', NAMESPACE)).status!.phase, 'Running');
});

test('leases are renewed within twenty seconds', async () => {
  const clock = virtualClock();
  await using cluster = await startTestCluster({ clock, random: seededRandom(1), log: silentLogger }, { count: 3 });
  const startMs = clock.now();
  for (let step = 0; step < 30; step++) await clock.advance(1000);
  const leases = await cluster.client.of(coordinationv1.leases).list({ namespace: 'kube-node-lease' });
  for (const lease of leases.items) assert.ok(Date.parse(lease.spec!.renewTime!) >= startMs + 10_000);
  assert.equal(leases.items.length, 3);
});

test('stages say what fails, and containers that restart are counted', async () => {
  const clock = virtualClock();
  const stages: PodStage[] = [
    { name: 'start', from: 'Pending', to: 'Running', delayMs: 2000 },
    { name: 'crash', from: 'Running', to: 'Failed', delayMs: 10_000, exitCode: 2 },
  ];
  await using cluster = await startTestCluster({ clock, random: seededRandom(1), log: silentLogger }, { count: 1, stages });
  await cluster.client.of(corev1.pods).create(pod('crashing'));
  await cluster.client.informer(corev1.pods).synced();
  await clock.advance(2000);
  await inPhase(cluster.client, 'crashing', 'Running');
  await clock.advance(10_000);
  await until(cluster.client, corev1.pods, ([only]) => only?.status?.containerStatuses?.[0]?.restartCount === 1);
});

test('pods that ran before go on', async () => {
  const runtime = realRuntime();
  await using cluster = await startTestCluster(runtime, { count: 1 });
  await cluster.client.of(corev1.pods).create(pod('old'));
  const before = await inPhase(cluster.client, 'old', 'Running');
  await cluster.simulated.stop();
  await using again = startSimulatedNodes({ client: cluster.client, runtime, count: 1 });
  await again.ready;
  await cluster.client.of(corev1.pods).create(pod('new'));
  const fresh = await inPhase(cluster.client, 'new', 'Running');
  assert.notEqual(fresh.status!.podIP, before.status!.podIP);
  assert.deepEqual((await cluster.client.of(corev1.pods).get('old', NAMESPACE)).status, before.status);
});
