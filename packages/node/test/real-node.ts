// A node with real containers at the real server, both in this process, for end-to-end tests. Pods use the host's network and the
// sandbox image: nothing has to be there but containerd, runc and root.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { corev1 } from '@tiphys/api';
import { type Client, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { SANDBOX_IMAGE } from '../src/containerd/configuration.ts';
import { packImage } from '../src/images/pack.ts';
import { removeEverything } from '../src/node/remove-everything.ts';
import { type Node, type NodeOptions, startNode } from '../src/node/start-node.ts';

const PATIENCE_MS = 90_000;
const POLL_MS = 50;
const NAME = 'real';
/** A shell and sleep, as every Debian has them. */
export const SHELL_IMAGE = 'test.local/shell:1';
const PROGRAMS = ['/bin/sh', '/bin/sleep', '/bin/cat', '/bin/dd'];

export async function reasonToSkip(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'containers need root';
  const run = promisify(execFile);
  for (const program of ['containerd', 'runc']) {
    if (!(await run(program, ['--version']).catch(() => undefined))) return `${program} is not installed`;
  }
  return false;
}

export const realPod = (name: string, more: Partial<corev1.PodSpec> = {}, container: Partial<corev1.Container> = {}): corev1.Pod => ({
  metadata: { name, namespace: 'default' },
  spec: {
    nodeName: NAME,
    hostNetwork: true,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: SANDBOX_IMAGE, imagePullPolicy: 'Never', ...container }],
    ...more,
  },
});

/** A container that runs a line of shell. */
export const shell = (name: string, line: string, more: Partial<corev1.Container> = {}): corev1.Container => ({
  name,
  image: SHELL_IMAGE,
  imagePullPolicy: 'Never',
  command: ['/bin/sh', '-c', line],
  ...more,
});

export const isReady = ({ status }: corev1.Pod): boolean =>
  status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
export const conditionOf = ({ status }: corev1.Pod, name: string): corev1.PodCondition | undefined =>
  status?.conditions?.find(({ type }) => type === name);

export interface RealNode extends AsyncDisposable {
  client: Client;
  node(): Node;
  directory: string;
  /** Stops the node, whose containers run on, and starts it again. */
  restart(): Promise<void>;
  until(name: string, condition: (found: corev1.Pod | undefined) => boolean): Promise<corev1.Pod | undefined>;
  /** Resolves with the pod as soon as the condition holds, which is that it is ready when none is given. */
  create(wanted: corev1.Pod, condition?: (found: corev1.Pod) => boolean): Promise<corev1.Pod>;
  /** Messages of the pod's events of one reason. */
  events(pod: string, reason: string): Promise<string[]>;
  /** Resolves when an event of the pod says so. */
  told(pod: string, reason: string, message: string): Promise<void>;
  /** Resolves when the node's condition has the reason: the node looks at itself every few seconds. */
  reported(condition: string, reason: string): Promise<void>;
  /** Resolves when the container's log has the text. */
  logged(pod: string, container: string, text: string): Promise<void>;
  packShell(): Promise<void>;
}

/** `port` is that of the node's server, which tests on one machine must not share. */
export async function realNode(port: number, more: Partial<NodeOptions> = {}): Promise<RealNode> {
  const runtime = realRuntime();
  const directory = await mkdtemp(join(tmpdir(), 'tiphys-node-'));
  const store = memoryStore();
  const server = createApiServer({ runtime, store, definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'test', groups: ['system:masters'] } });
  await client.of(corev1.namespaces).create({ metadata: { name: 'default' } });
  const start = () =>
    startNode({
      client,
      runtime,
      name: NAME,
      directory,
      clusterDns: [],
      clusterDomain: 'cluster.local',
      podCidr: '10.250.0.0/24',
      port,
      ...more,
    });
  let node = await start();
  const until: RealNode['until'] = (name, condition) => {
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
        const status = JSON.stringify(informer.get(name, 'default')?.status, undefined, 1);
        reject(new Error(`${name} did not come to what was waited for: ${status}`));
      });
      const stop = informer.subscribe({ added: check, updated: check, deleted: check });
      void informer.synced().then(check);
    });
  };
  const eventsOf = async (pod: string, reason: string) => {
    const { items } = await client.of(corev1.events).list({ namespace: 'default' });
    return items.flatMap((event) => (event.involvedObject.name === pod && event.reason === reason ? [event.message ?? ''] : []));
  };
  const patiently = async (what: string, holds: () => Promise<boolean>) => {
    for (const deadlineMs = runtime.clock.now() + PATIENCE_MS; !(await holds()); await runtime.clock.sleep(POLL_MS)) {
      if (runtime.clock.now() > deadlineMs) throw new Error(`it did not come to this: ${what}`);
    }
  };
  return {
    client,
    node: () => node,
    directory,
    restart: async () => {
      await node.stop();
      node = await start();
    },
    until,
    create: async (wanted, condition = isReady) => {
      await client.of(corev1.pods).create(wanted);
      return (await until(wanted.metadata!.name!, (found) => found !== undefined && condition(found)))!;
    },
    events: eventsOf,
    told: (pod, reason, message) => patiently(`${pod} told ${reason}`, async () => (await eventsOf(pod, reason)).includes(message)),
    reported: (condition, reason) =>
      patiently(`${condition} for ${reason}`, async () => {
        const { status } = await client.of(corev1.nodes).get('real');
        return status!.conditions!.some((one) => one.type === condition && one.reason === reason);
      }),
    logged: (pod, container, text) =>
      patiently(`${pod}/${container} logged ${text}`, async () => {
        const found = await node.findContainer('default', pod, container);
        return found !== undefined && (await readFile(found.logPath, 'utf8').catch(() => '')).includes(text);
      }),
    packShell: async () => {
      const copies = PROGRAMS.map((path) => ({ source: path, destination: path }));
      await packImage(node.images, { name: SHELL_IMAGE, base: 'scratch', copies, withLibraries: true });
    },
    [Symbol.asyncDispose]: async () => {
      await node.stop();
      await removeEverything({ directory, graceSeconds: 1 });
      await client.close();
      await server.close();
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
