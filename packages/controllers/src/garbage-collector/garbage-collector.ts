// The garbage collector as a controller: follows every resource that can be deleted, keeps the graph and works on it.
import { apiextensionsv1, apiVersionOf, groupResource, type KubeObject, type ResourceType } from '@tiphys/api';
import { isNotFound, isStatus } from '@tiphys/machinery';
import { discoveredResources } from '../discovered-resources.ts';
import { defineController, type ReconcileContext } from '../runtime/controller.ts';
import { workQueue } from '../runtime/work-queue.ts';
import { Collector } from './collector.ts';
import { OwnerGraph, type Work } from './graph.ts';

const WORKERS = 20;
/** A new resource that discovery does not show yet is looked for again after so long. */
const DISCOVERY_MS = 30_000;
/** Owned by nobody and owning nothing, in numbers that matter (upstream's defaultIgnoredResources). */
const IGNORED = new Set(['events', 'events.events.k8s.io']);

interface Followed {
  type: ResourceType;
  stop(): void;
}

class GarbageCollector {
  readonly #context: ReconcileContext;
  readonly #graph = new OwnerGraph();
  readonly #followed = new Map<string, Followed>();
  readonly #kinds = new Map<string, ResourceType>();
  readonly #queue;

  constructor(context: ReconcileContext) {
    this.#context = context;
    const collector = new Collector({
      client: context.client,
      graph: this.#graph,
      typeOf: (apiVersion, kind) => this.#kinds.get(`${apiVersion.split('/').length > 1 ? apiVersion.split('/')[0] : ''}/${kind}`),
      enqueue: (work) => this.#enqueue(work),
    });
    this.#queue = workQueue({
      clock: context.runtime.clock,
      concurrency: WORKERS,
      work: async (key) => {
        try {
          if (key.startsWith('orphan/')) await collector.attemptToOrphan(key.slice('orphan/'.length));
          else await collector.attemptToDelete(key);
          this.#queue.forget(key);
        } catch (error) {
          if (!isStatus(error, 'Conflict'))
            context.runtime.log.named('garbage-collector').debug('tried again', { uid: key, err: String(error) });
          this.#queue.addRateLimited(key);
        }
      },
    });
  }

  #enqueue({ toDelete, toOrphan }: Work): void {
    for (const uid of toDelete) this.#queue.add(uid);
    for (const uid of toOrphan) this.#queue.add(`orphan/${uid}`);
  }

  /** Follows what the server serves now, and stops following what it serves no more. */
  async follow(): Promise<void> {
    const resources = (await discoveredResources(this.#context.client)).filter(({ type, verbs }) => {
      return ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) && !IGNORED.has(groupResource(type));
    });
    const names = new Set(resources.map(({ type }) => groupResource(type)));
    for (const [name, { type, stop }] of this.#followed) {
      if (names.has(name)) continue;
      stop();
      this.#followed.delete(name);
      this.#kinds.delete(`${type.group}/${type.kind}`);
    }
    for (const { type } of resources) if (!this.#followed.has(groupResource(type))) this.#followType(type);
  }

  #followType(type: ResourceType): void {
    const apiVersion = apiVersionOf(type);
    const observe = (object: KubeObject) => this.#enqueue(this.#graph.observe(type, apiVersion, object));
    const stop = this.#context.client.informer(type).subscribe({
      added: observe,
      updated: observe,
      deleted: (object) => this.#enqueue(this.#graph.gone(object.metadata!.uid!)),
    });
    this.#followed.set(groupResource(type), { type, stop });
    this.#kinds.set(`${type.group}/${type.kind}`, type);
  }

  async stop(): Promise<void> {
    for (const { stop } of this.#followed.values()) stop();
    await this.#queue.stop();
  }
}

/** One per run: the declaration is shared, the graph is not. */
const running = new WeakMap<AbortSignal, GarbageCollector>();

export const garbageCollector = defineController<apiextensionsv1.CustomResourceDefinition>({
  name: 'generic-garbage-collector',
  for: apiextensionsv1.customresourcedefinitions,
  async run(context) {
    const collector = new GarbageCollector(context);
    running.set(context.signal, collector);
    try {
      while (!context.signal.aborted) {
        try {
          await collector.follow();
          await new Promise<void>((settle) => context.signal.addEventListener('abort', () => settle(), { once: true }));
        } catch (error) {
          context.runtime.log.named('garbage-collector').warning('discovery failed', { err: String(error) });
          await context.runtime.clock.sleep(DISCOVERY_MS, context.signal).catch(() => undefined);
        }
      }
    } finally {
      await collector.stop();
    }
  },
  // A definition that came, went or became served changes what there is to follow.
  async reconcile(_key, object, context) {
    const collector = running.get(context.signal);
    try {
      await collector?.follow();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const established = object?.status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True');
    return object && !established ? DISCOVERY_MS : undefined;
  },
});
