// The real server in process with a memory store, some controllers, and pods that run as soon as they exist.
import { corev1, type KubeObject, type ResourceType, timeText } from '@tiphys/api';
import { type Client, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { type Clock, type Logger, type Runtime, realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { remove, updateStatus } from '../runtime/actions.ts';
import { type Controller, defineController } from '../runtime/controller.ts';
import { isDeleting } from '../runtime/objects.ts';
import { type RunningControllers, startControllers } from '../runtime/start.ts';

/** Stands in for nodes: pods are ready at once and end at once when they are deleted. Pods labelled `run: never` stay pending. */
export const podRunner = defineController<corev1.Pod>({
  name: 'pod-runner',
  for: corev1.pods,
  plan: ({ object: pod }, nowMs) => {
    if (isDeleting(pod)) {
      return [remove(corev1.pods, pod, 'its containers have ended', { options: { gracePeriodSeconds: 0 } })];
    }
    if (pod.status?.phase !== 'Pending' || pod.metadata?.labels?.run === 'never') return [];
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timeText(nowMs) }];
    return [updateStatus(corev1.pods, { ...pod, status: { ...pod.status, phase: 'Running', conditions } }, 'its containers have started')];
  },
});

export interface TestCluster extends AsyncDisposable {
  client: Client;
  runtime: Runtime;
  controllers: RunningControllers;
  /** Resolves to the object once the condition holds; rejects when the test's patience ends. */
  until<T extends KubeObject>(type: ResourceType<T>, name: string, condition: (object: T) => boolean): Promise<T>;
  /** Resolves once the condition holds for all objects of the type in the namespace. */
  untilAll<T extends KubeObject>(type: ResourceType<T>, condition: (objects: readonly T[]) => boolean): Promise<readonly T[]>;
}

const PATIENCE_MS = 60_000;
export const NAMESPACE = 'default';

export async function startTestCluster(
  controllers: readonly Controller[],
  { log, clock }: { log?: Logger; clock?: Clock } = {},
): Promise<TestCluster> {
  const runtime: Runtime = { ...realRuntime(log), ...(clock ? { clock } : {}) };
  const store = memoryStore();
  const server = createApiServer({ runtime, store, definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'test', groups: ['system:masters'] } });
  await client.of(corev1.namespaces).create({ metadata: { name: NAMESPACE } });
  const running = startControllers({ client, runtime, controllers: [...controllers, podRunner] });
  await running.ready;
  const untilAll: TestCluster['untilAll'] = (type, condition) => {
    const informer = client.informer(type);
    return new Promise((resolve, reject) => {
      const check = () => {
        const objects = informer.list(type.namespaced ? NAMESPACE : undefined);
        if (!condition(objects)) return;
        patience.cancel();
        queueMicrotask(() => stop());
        resolve(objects);
      };
      const patience = realRuntime().clock.after(PATIENCE_MS, () => {
        stop();
        reject(new Error(`${type.resource} did not come to what was waited for: ${JSON.stringify(informer.list(), undefined, 1)}`));
      });
      const stop = informer.subscribe({ added: check, updated: check, deleted: check });
      void informer.synced().then(check);
    });
  };
  return {
    client,
    runtime,
    controllers: running,
    untilAll,
    until: async (type, name, condition) => {
      const found = (objects: readonly any[]) => objects.find((object) => object.metadata?.name === name);
      return found(await untilAll(type, (objects) => found(objects) !== undefined && condition(found(objects))));
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await client.close();
      await server.close();
      await store[Symbol.asyncDispose]();
    },
  };
}
