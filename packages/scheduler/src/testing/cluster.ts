// The real API server in this process with a scheduler, and no controllers and no kubelets: nodes and pods are what tests make.
import { corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import { type Client, inProcessClient, waitFor } from '@tiphys/client';
import { type ApiRequest, statusError } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRandom, silentLogger, type VirtualClock, virtualClock } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import type { Family } from '@tiphys/std';
import { memoryStore } from '@tiphys/storage';
import { startScheduler } from '../running/scheduler.ts';

export interface TestCluster extends AsyncDisposable {
  client: Client;
  metrics(): readonly Family[];
  /** Stands still: back-offs end when a test advances it. */
  clock: VirtualClock;
  addNode(name: string, cpu: string): Promise<void>;
  addPod(name: string, spec?: Partial<corev1.PodSpec>): Promise<corev1.Pod>;
  /** Resolves when the object of that name (in the namespace default) is as wanted. */
  until<T extends KubeObject>(type: ResourceType<T>, name: string, condition: (object: T) => boolean): Promise<T>;
  /** Resolves with the first event about the pod that has the reason. */
  event(pod: string, reason: string): Promise<corev1.Event>;
}

const NAMESPACE = 'default';
const HOLD_MS = 60_000;

/** `refuses`: requests of the scheduler that fail. */
export async function testCluster(refuses: (request: ApiRequest) => boolean = () => false): Promise<TestCluster> {
  const clock = virtualClock();
  const runtime = { clock, random: realRandom(), log: silentLogger };
  const server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'test', groups: ['system:masters'] } });
  await client.of(corev1.namespaces).create({ metadata: { name: NAMESPACE } });
  const handle = async (request: ApiRequest) => {
    if (refuses(request)) throw statusError.internal('refused by the test');
    return server.handle(request);
  };
  const schedulers = inProcessClient({ handler: { handle }, runtime, user: { name: 'test', groups: ['system:masters'] } });
  const scheduler = startScheduler({ client: schedulers, runtime });
  await scheduler.started;
  // Nothing else keeps the process alive while a test waits.
  const hold = setInterval(() => {}, HOLD_MS);
  const until: TestCluster['until'] = async (type, name, condition) => {
    const options = { clock, ...(type.namespaced ? { namespace: NAMESPACE } : {}) };
    return (await waitFor(client.informer(type), name, (object) => object !== undefined && condition(object), options))!;
  };
  return {
    client,
    metrics: () => scheduler.metrics,
    clock,
    until,
    addNode: async (name, cpu) => {
      const allocatable = { cpu, memory: '8Gi', pods: '110' };
      await client.of(corev1.nodes).create({ metadata: { name }, status: { capacity: allocatable, allocatable } });
      await client.of(corev1.nodes).patch(name, undefined, 'merge', { status: { allocatable } }, { subresource: 'status' });
      await until(corev1.nodes, name, (node) => node.status?.allocatable !== undefined);
    },
    addPod: (name, spec = {}) =>
      client.of(corev1.pods).create({
        metadata: { name, namespace: NAMESPACE },
        spec: { containers: [{ name: 'c', image: 'i' }], ...spec } as corev1.PodSpec,
      }),
    event: async (pod, reason) => {
      const found = (events: readonly corev1.Event[]) =>
        events.find((event) => event.involvedObject.name === pod && event.reason === reason);
      const informer = client.informer(corev1.events);
      await informer.synced();
      return new Promise((resolve) => {
        const check = () => {
          const event = found(informer.list(NAMESPACE));
          if (!event) return;
          queueMicrotask(() => stop());
          resolve(event);
        };
        const stop = informer.subscribe({ added: check, updated: check });
        check();
      });
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(hold);
      await scheduler.stop();
      await schedulers.close();
      await client.close();
      await server.close();
    },
  };
}
