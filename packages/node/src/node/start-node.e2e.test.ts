// A node with real containers at the real server, both in this process. Pods use the host's network and the sandbox image: nothing
// has to be there but containerd, runc and root.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { corev1 } from '@tiphys/api';
import { type Client, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { type ApiServer, createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { SANDBOX_IMAGE } from '../containerd/configuration.ts';
import { removeEverything } from './remove-everything.ts';
import { type Node, startNode } from './start-node.ts';

const PATIENCE_MS = 30_000;

async function reasonToSkip(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'containers need root';
  const run = promisify(execFile);
  for (const program of ['containerd', 'runc']) {
    if (!(await run(program, ['--version']).catch(() => undefined))) return `${program} is not installed`;
  }
  return false;
}

const pod = (name: string, more: Partial<corev1.PodSpec> = {}, container: Partial<corev1.Container> = {}): corev1.Pod => ({
  metadata: { name, namespace: 'default' },
  spec: {
    nodeName: 'real',
    hostNetwork: true,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: SANDBOX_IMAGE, imagePullPolicy: 'Never', ...container }],
    ...more,
  },
});

const isReady = ({ status }: corev1.Pod) => status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const conditionOf = ({ status }: corev1.Pod, name: string) => status?.conditions?.find(({ type }) => type === name);

describe('a node with real containers', { skip: await reasonToSkip() }, () => {
  const runtime = realRuntime();
  let directory: string;
  let server: ApiServer;
  let store: ReturnType<typeof memoryStore>;
  let client: Client;
  let node: Node;

  const start = () =>
    startNode({
      client,
      runtime,
      name: 'real',
      directory,
      clusterDns: [],
      clusterDomain: 'cluster.local',
      podCidr: '10.250.0.0/24',
      port: 10_950,
    });
  const until = (name: string, condition: (found: corev1.Pod | undefined) => boolean): Promise<corev1.Pod | undefined> => {
    const informer = client.informer(corev1.pods);
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = informer.get(name, 'default');
        if (!condition(found)) return;
        patience.cancel();
        queueMicrotask(() => stop());
        resolve(found);
      };
      const patience = runtime.clock.after(PATIENCE_MS, () => {
        stop();
        reject(
          new Error(`${name} did not come to what was waited for: ${JSON.stringify(informer.get(name, 'default')?.status, undefined, 1)}`),
        );
      });
      const stop = informer.subscribe({ added: check, updated: check, deleted: check });
      void informer.synced().then(check);
    });
  };
  const create = async (wanted: corev1.Pod, condition: (found: corev1.Pod) => boolean = isReady) => {
    await client.of(corev1.pods).create(wanted);
    return (await until(wanted.metadata!.name!, (found) => found !== undefined && condition(found)))!;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tiphys-node-'));
    store = memoryStore();
    server = createApiServer({ runtime, store, definitions: builtinDefinitions() });
    await server.ready;
    client = inProcessClient({ handler: server, runtime, user: { name: 'test', groups: ['system:masters'] } });
    await client.of(corev1.namespaces).create({ metadata: { name: 'default' } });
    node = await start();
  });
  after(async () => {
    await node?.stop();
    await removeEverything({ directory, graceSeconds: 1 });
    await client.close();
    await server.close();
    await store[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  test('a pod runs, and goes when it is deleted', async () => {
    const running = await create(pod('simple'));
    assert.equal(running.status!.phase, 'Running');
    assert.match(running.status!.containerStatuses![0]!.containerID!, /^containerd:\/\/[0-9a-f]{64}$/);
    await client.of(corev1.pods).delete('simple', 'default');
    await until('simple', (found) => found === undefined);
  });

  test('a container gets other limits while it runs', async () => {
    const resources = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    const before = await create(pod('resized', {}, { resources: resources('20m', '32Mi') }));
    const spec = { containers: [{ name: 'c', resources: resources('30m', '48Mi') }] };
    await client.of(corev1.pods).patch('resized', 'default', 'strategic', { spec }, { subresource: 'resize' });
    const resized = await until('resized', (found) => {
      const [status] = found?.status?.containerStatuses ?? [];
      return status?.resources?.limits?.memory === '48Mi' && !conditionOf(found!, 'PodResizeInProgress');
    });
    const [status] = resized!.status!.containerStatuses!;
    assert.deepEqual(status!.resources, resources('30m', '48Mi'));
    assert.deepEqual(status!.allocatedResources, { cpu: '30m', memory: '48Mi' });
    assert.equal(status!.containerID, before.status!.containerStatuses![0]!.containerID);
    assert.equal(resized!.status!.observedGeneration, resized!.metadata!.generation);
  });

  test('a resize for which there is no room has to wait', async () => {
    await create(pod('waiting', {}, { resources: { requests: { cpu: '10m' } } }));
    const spec = { containers: [{ name: 'c', resources: { requests: { cpu: '4000' } } }] };
    await client.of(corev1.pods).patch('waiting', 'default', 'strategic', { spec }, { subresource: 'resize' });
    const waiting = await until('waiting', (found) => found !== undefined && conditionOf(found, 'PodResizePending') !== undefined);
    assert.equal(conditionOf(waiting!, 'PodResizePending')!.reason, 'Deferred');
    assert.deepEqual(waiting!.status!.containerStatuses![0]!.allocatedResources, { cpu: '10m' });
  });

  test('an image is mounted as a volume', async () => {
    const volumes = [{ name: 'image', image: { reference: SANDBOX_IMAGE, pullPolicy: 'Never' } }];
    // The program that runs comes from the volume.
    const mounts = { command: ['/volume/pause'], volumeMounts: [{ name: 'image', mountPath: '/volume' }] };
    assert.equal((await create(pod('mounting', { volumes }, mounts))).status!.phase, 'Running');
  });

  test('what this machine lacks is said', async () => {
    const failed = await create(pod('nowhere', {}, { image: 'nowhere.example/none:1' }), ({ status }) =>
      Boolean(status?.containerStatuses?.[0]?.state?.waiting?.reason?.startsWith('ErrImage')),
    );
    assert.equal(failed.status!.containerStatuses![0]!.state!.waiting!.reason, 'ErrImageNeverPull');
  });

  test('a new start of the node finds its containers and what they were given', async () => {
    const before = await client.of(corev1.pods).get('waiting', 'default');
    await node.stop();
    node = await start();
    const again = await create(pod('later'));
    assert.equal(again.status!.phase, 'Running');
    const after = await client.of(corev1.pods).get('waiting', 'default');
    const [had, has] = [before, after].map(({ status }) => status!.containerStatuses![0]!);
    assert.deepEqual([has!.containerID, has!.restartCount, has!.allocatedResources], [had!.containerID, 0, { cpu: '10m' }]);
    assert.equal(conditionOf(after, 'PodResizePending')!.reason, 'Deferred');
  });
});
