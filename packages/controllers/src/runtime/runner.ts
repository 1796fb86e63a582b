// One controller at work: changes become keys, keys become plans, plans are applied.
import type { KubeObject, ResourceType } from '@tiphys/api';
import { type Client, type EventRecorder, eventRecorder } from '@tiphys/client';
import { isConflict } from '@tiphys/machinery';
import type { Logger, Runtime } from '@tiphys/runtime';
import { Counter, type Family, invariant } from '@tiphys/std';
import type { Action } from './actions.ts';
import { apply, typed } from './apply.ts';
import type { Caches } from './caches.ts';
import { adoptionRefused, type Claims, claim } from './claims.ts';
import type { Controller, Owned, ReconcileContext, Snapshot, World } from './controller.ts';
import type { ControllerMetrics } from './metrics.ts';
import { keyOf, namespaceOf, sameType, splitKey } from './objects.ts';
import { type Observations, observe } from './observations.ts';
import { type OwnWrites, ownWrites } from './own-writes.ts';
import { ownersOf } from './owners.ts';
import { type WorkQueue, workQueue } from './work-queue.ts';

const CONCURRENCY = 5;
/** Notes that plans leave for later ones, per controller. */
const NOTES_MAX = 100_000;

export interface RunnerOptions {
  controller: Controller;
  caches: Caches;
  /** Acts as the controller's identity. */
  client: Client;
  runtime: Runtime;
  metrics?: ControllerMetrics;
}

export interface Runner {
  /** Starts once the caches that it reads are filled. */
  start(): Promise<void>;
  stop(): Promise<void>;
  idle(): boolean;
  /** What the controller's plans have added to. */
  readonly counters: readonly Family[];
}

export function runner(options: RunnerOptions): Runner {
  return new ControllerRunner(options);
}

class ControllerRunner implements Runner {
  readonly #controller: Controller;
  readonly #caches: Caches;
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #log: Logger;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #writes: OwnWrites = ownWrites();
  readonly #notes = new Map<string, unknown>();
  readonly #counters: ReadonlyMap<string, Counter>;
  readonly #stopping = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  #observations: Observations | undefined;
  #background: Promise<void> = Promise.resolve();

  constructor({ controller, caches, client, runtime, metrics }: RunnerOptions) {
    this.#counters = new Map(Object.entries(controller.counters ?? {}).map(([name, described]) => [name, new Counter(described)]));
    invariant(!(controller.plan && controller.reconcile), `${controller.name} has both plan and reconcile`);
    this.#controller = controller;
    this.#caches = caches;
    this.#client = client;
    this.#runtime = runtime;
    this.#log = runtime.log.named(controller.name);
    this.#events = eventRecorder({ client, runtime, component: controller.eventSource ?? controller.name });
    this.#queue = workQueue({
      clock: runtime.clock,
      concurrency: controller.concurrency ?? CONCURRENCY,
      work: (key) => this.#work(key),
      ...(metrics ? { metrics: (depth) => metrics.queue(controller.name, depth) } : {}),
    });
    // Every informer is asked for now, so that all of them fill side by side before the first plan.
    for (const index of controller.indices ?? []) caches.addIndex(index);
    for (const type of this.#types()) caches.use(type);
  }

  #types(): ResourceType[] {
    const { owns = [], watches = [], reads = [], indices = [], observes = [], counts = [] } = this.#controller;
    return [this.#controller.for, ...[...owns, ...watches, ...indices, ...observes, ...counts].map(({ type }) => type), ...reads];
  }

  /** As soon as it can: others may read what takes longer. */
  async start(): Promise<void> {
    await this.#caches.synced(this.#types());
    if (!this.#stopping.signal.aborted) this.#follow();
  }

  #follow(): void {
    const { controller, owns = [], watches = [] } = { controller: this.#controller, ...this.#controller };
    const triggers = controller.triggers ?? (() => true);
    const follow = (type: ResourceType, changed: (object: any, change: { old?: any; gone: boolean }) => void) => {
      const stop = this.#caches.use<KubeObject>(type).subscribe({
        added: (object) => changed(object, { gone: false }),
        updated: (object, old) => changed(object, { old, gone: false }),
        deleted: (object) => changed(object, { gone: true }),
      });
      this.#unsubscribe.push(stop);
    };
    this.#observations = observe(controller.observes ?? [], this.#caches, () => this.#monotonicMs());
    this.#unsubscribe.push(() => this.#observations?.stop());
    follow(controller.for, (object, { old }) => triggers(object, old) && this.#queue.add(keyOf(object)));
    for (const owned of owns) {
      follow(owned.type, (object, change) => {
        for (const key of ownersOf(controller.for, owned, this.#caches, object, change)) this.#queue.add(key);
      });
    }
    for (const watch of watches) {
      follow(watch.type, (object, change) => {
        for (const key of watch.keys(object, this.#caches, change)) this.#queue.add(key);
      });
    }
    for (const { type, tally } of controller.counts ?? []) {
      follow(type, (object, { old, gone }) => {
        const counted = gone ? tally(object, undefined) : tally(old, object);
        if (counted) this.#tally(counted.counter, counted.labels, counted.by);
      });
    }
    if (controller.run) {
      this.#background = controller
        .run(this.#context(), (key) => this.#queue.add(key))
        .catch((error) => {
          if (!this.#stopping.signal.aborted) this.#log.error('the background work of a controller ended', error);
        });
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const stop of this.#unsubscribe) stop();
    await this.#queue.stop();
    await this.#background;
  }

  idle(): boolean {
    return this.#queue.idle();
  }

  #context(): ReconcileContext {
    return { client: this.#client, runtime: this.#runtime, snapshot: this.#caches, events: this.#events, signal: this.#stopping.signal };
  }

  async #work(key: string): Promise<void> {
    try {
      await this.#caughtUp(key);
      if (this.#stopping.signal.aborted) return;
      const failure = await (this.#controller.reconcile ? this.#reconcile(key) : this.#plan(key));
      if (!failure) return this.#queue.forget(key);
      this.#failed(key, failure);
    } catch (error) {
      this.#failed(key, error);
    }
  }

  /** Until the caches show what was written for the key, or nobody wants to know any more. A race would leave a trace for good. */
  #caughtUp(key: string): Promise<void> | undefined {
    const seen = this.#writes.seen(key);
    if (!seen) return undefined;
    const { signal } = this.#stopping;
    return new Promise((resolve, reject) => {
      const stopped = () => resolve();
      signal.addEventListener('abort', stopped, { once: true });
      seen.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
    });
  }

  #failed(key: string, error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    // A conflict only says that the cache was behind; the next plan sees the newer object.
    if (isConflict(error)) this.#log.debug('conflict, planning again', { key });
    else this.#log.error('sync failed', error, { key, attempt: this.#queue.failures(key) + 1 });
    this.#queue.addRateLimited(key);
  }

  async #reconcile(key: string): Promise<undefined> {
    const { namespace, name } = splitKey(key);
    const object = this.#caches.get(this.#controller.for, name, namespace);
    const delayMs = await this.#controller.reconcile!({ namespace, name }, object, this.#context());
    if (delayMs !== undefined) this.#queue.addAt(key, this.#runtime.clock.now() + delayMs);
    return undefined;
  }

  async #plan(key: string): Promise<Error | undefined> {
    const { controller } = { controller: this.#controller };
    const { namespace, name } = splitKey(key);
    const cached = this.#caches.get(controller.for, name, namespace);
    if (!cached || !controller.plan) return undefined;
    const object = typed(controller.for, cached);
    const claims = new Map<Owned<any>, Claims>();
    for (const owned of controller.owns ?? []) claims.set(owned, claim(controller.for, object, owned, this.#caches));
    const failure = await this.#settleClaims(key, object, [...claims.values()]);
    if (failure !== 'nothing to settle') return failure;
    const { clock } = this.#runtime;
    const own = {
      note: (noteKey: string) => this.#notes.get(noteKey),
      monotonicMs: this.#monotonicMs(),
      unchangedMs: (type: ResourceType, seen: KubeObject) => this.#observations?.unchangedMs(type, seen) ?? 0,
    };
    const actions = controller.plan(worldOf(this.#caches, object, claims, own), clock.now());
    return this.#apply(key, object, actions);
  }

  /** Adopts and releases first; the plan is made when the cache shows that. */
  async #settleClaims(key: string, object: KubeObject, claims: readonly Claims[]): Promise<Error | undefined | 'nothing to settle'> {
    const releases = claims.flatMap((c) => c.releases);
    const adoptions = claims.flatMap((c) => c.adoptions);
    if (releases.length + adoptions.length === 0) return 'nothing to settle';
    if (adoptions.length > 0) {
      // The cache may not have heard yet that the owner is being deleted; the server has.
      const fresh = await this.#client.of(this.#controller.for).get(object.metadata!.name!, namespaceOf(object));
      const refused = adoptionRefused(this.#controller.for, object, fresh);
      if (refused) return refused;
    }
    const failure = await this.#apply(key, object, [...releases, ...adoptions]);
    this.#queue.add(key);
    return failure;
  }

  /** Whole: a wish to wake in less than a wall clock can tell would be one to wake at once, again and again. */
  #monotonicMs(): number {
    return Math.floor(this.#runtime.clock.monotonicMs());
  }

  get counters(): readonly Family[] {
    return [...this.#counters.values()];
  }

  #tally(name: string, labels: readonly string[], by: number): void {
    const counter = this.#counters.get(name);
    invariant(counter !== undefined, `the controller has no counter ${name}`);
    counter.add(labels, by);
  }

  #note(key: string, value: unknown): void {
    this.#notes.delete(key);
    if (value === undefined) return;
    this.#notes.set(key, value);
    if (this.#notes.size > NOTES_MAX) this.#notes.delete(this.#notes.keys().next().value!);
  }

  async #apply(key: string, about: KubeObject, actions: readonly Action[]): Promise<Error | undefined> {
    if (actions.length === 0) return undefined;
    return apply(actions, {
      client: this.#client,
      events: this.#events,
      about,
      wrote: (type, result) => this.#writes.wrote(key, this.#caches.use(type), result),
      deleted: (type, object) => this.#writes.deleted(key, this.#caches.use(type), object),
      wake: (atMs) => this.#queue.addAt(key, atMs),
      note: (noteKey, value) => this.#note(noteKey, value),
      tally: (counter, labels, by) => this.#tally(counter, labels, by),
    });
  }
}

function worldOf<T extends KubeObject>(
  snapshot: Snapshot,
  object: T,
  claims: ReadonlyMap<Owned<any>, Claims>,
  own: Pick<World<T>, 'note' | 'monotonicMs' | 'unchangedMs'>,
): World<T> {
  return {
    object,
    get: snapshot.get,
    list: snapshot.list,
    controlledBy: snapshot.controlledBy,
    byIndex: snapshot.byIndex,
    ...own,
    owned: (type) => {
      for (const [owned, { claimed }] of claims) if (sameType(owned.type, type)) return claimed;
      return invariant(false, `plan() asks for ${type.resource}, which the controller does not own`) as never;
    },
  };
}
