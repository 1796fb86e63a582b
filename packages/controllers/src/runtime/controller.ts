// What a controller is: a declaration. The runtime brings it to life.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Client, EventRecorder } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import type { Described, Family } from '@tiphys/std';
import type { Action, Tally } from './actions.ts';

/** The caches as they are while a plan runs. Objects are shared: do not change them. */
export interface Snapshot {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): T | undefined;
  list<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[];
  /** Objects whose controller reference has the uid, of a type that some running controller owns. */
  controlledBy<T extends KubeObject>(type: ResourceType<T>, uid: string): readonly T[];
  /** Through an index that a controller declared. */
  byIndex<T extends KubeObject>(type: ResourceType<T>, index: string, key: string): readonly T[];
}

export interface World<T extends KubeObject> extends Snapshot {
  object: T;
  /** What the object controls of the type and its selector matches; adoption and release are done before. */
  owned<X extends KubeObject>(type: ResourceType<X>): readonly X[];
  /** What an earlier plan noted under the key, in this run of the program. */
  note(key: string): unknown;
  /** Measures time that nobody sets; only differences mean something. */
  monotonicMs: number;
  /** For how long, by the own clock, what the controller observes of the object has been as it is; 0 for one that it has not seen. */
  unchangedMs(type: ResourceType<any>, object: KubeObject): number;
}

/** Something whose changes matter by when they are seen here, not by what clock the writer has. */
export interface Observed<X extends KubeObject = any> {
  type: ResourceType<X>;
  value: (object: X) => string | undefined;
}

export interface Owned<T extends KubeObject, X extends KubeObject = any> {
  type: ResourceType<X>;
  /** With a selector, orphans that match are adopted and owned objects that do not are released. undefined matches nothing. */
  matches?: (owner: T) => ((object: X) => boolean) | undefined;
  /** Only these are adopted or released; others are left as they are. Default: all. */
  considered?: (object: X) => boolean;
  /** false: owned objects that do not match are not claimed, but stay owned. */
  releases?: boolean;
  /** false: its changes wake nobody; it is only claimed and read. */
  wakes?: boolean;
  /** false: a new object that has its owner already wakes nobody. */
  additions?: boolean;
  /** Finalizers added at adoption and removed at release. */
  finalizers?: readonly string[];
}

export interface Watched<X extends KubeObject = any> {
  type: ResourceType<X>;
  /** Keys (`namespace/name`) of the controller's objects that have to be planned again. `old` is set for a change; `gone` for a deletion. */
  keys: (object: X, snapshot: Snapshot, change: { old?: X; gone: boolean }) => readonly string[];
}

/** Changes that are counted as they are seen, whether or not anything is planned for them. */
export interface Counted<X extends KubeObject = any> {
  type: ResourceType<X>;
  /** Without `old` it is new, without `now` it is gone. */
  tally: (old: X | undefined, now: X | undefined) => Tally | undefined;
}

export interface Index<X extends KubeObject = any> {
  type: ResourceType<X>;
  name: string;
  keysOf: (object: X) => readonly string[];
}

export interface ReconcileContext {
  /** Acts as the controller's identity. */
  client: Client;
  runtime: Runtime;
  snapshot: Snapshot;
  events: EventRecorder;
  signal: AbortSignal;
}

export interface Controller<T extends KubeObject = any> {
  /** Upstream's name, such as `deployment-controller`: the service account in kube-system it acts as, and its events' source. */
  name: string;
  /** Who it acts as instead of that account. */
  user?: string;
  /** Source of its events when upstream's differs from the name. */
  eventSource?: string;
  /** The objects it plans for. */
  for: ResourceType<T>;
  /** Which changes of the objects themselves matter. Default: all. */
  triggers?: (object: T, old: T | undefined) => boolean;
  owns?: readonly Owned<T>[];
  watches?: readonly Watched[];
  /** Types that plan() reads besides those above; their changes trigger nothing. */
  reads?: readonly ResourceType[];
  /** What `world.unchangedMs` tells of. */
  observes?: readonly Observed[];
  indices?: readonly Index[];
  /** Keys planned side by side. Default 5, as upstream's --concurrent-…-syncs. */
  concurrency?: number;
  /** Pure: reads only the world and the time. Deleted objects are not planned for. */
  plan?(world: World<T>, nowMs: number): readonly Action[];
  /**
   * For decisions that need live reads: does the work itself. `object` is undefined when it is gone.
   * Rejecting backs off; a number is when to come back. Exactly one of plan and reconcile is given.
   */
  reconcile?(key: { namespace: string; name: string }, object: T | undefined, context: ReconcileContext): Promise<number | undefined>;
  /** What its plans may add to, by the names that their tallies use; each cluster has counters of its own. */
  counters?: Readonly<Record<string, Described>>;
  counts?: readonly Counted[];
  /** What it counts itself, besides its queue. */
  metrics?: readonly Family[];
  /** Background work of its own beside the queue, until the signal aborts. `enqueue` takes a key. */
  run?(context: ReconcileContext, enqueue: (key: string) => void): Promise<void>;
}

/** Keeps inference: `controller<Deployment>({ … })`. */
export function defineController<T extends KubeObject>(controller: Controller<T>): Controller<T> {
  return Object.freeze(controller);
}
