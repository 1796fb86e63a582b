// The scheduler as a program: follows pods and nodes, tries waiting pods one after another, binds side by side. Decisions
// are pick() and preempt(); this file only carries them out (pkg/scheduler/scheduler.go, schedule_one.go).
import { corev1, policyv1, type ResourceType, storagev1, timeText } from '@tiphys/api';
import { type Client, type EventRecorder, eventRecorder } from '@tiphys/client';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import type { ClusterEvent, Plugin, Snapshot } from './framework.ts';
import { type Diagnosis, explain, pick } from './pick.ts';
import { isGated } from './plugins/gates-and-claims.ts';
import { defaultPlugins } from './plugins/index.ts';
import { preempt } from './preempt.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { VolumeBinder } from './volume-binder.ts';
import { decideVolumes, isRefusal, podVolumes, type VolumeDecision } from './volume-binding.ts';
import { podInfo, podKey, World } from './world.ts';

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';
/** Bindings on their way at once. */
export const BINDINGS_MAX = 256;
/** Pods tried before other work gets its turn. */
const PODS_PER_TURN_MAX = 64;
/** The queue's timer is never shorter. */
const FLUSH_MS_MIN = 10;

export interface SchedulerOptions {
  client: Client;
  runtime: Runtime;
  /** Profiles: scheduler name → plugins. */
  profiles?: Readonly<Record<string, readonly Plugin<any>[]>>;
}

export interface Scheduler extends AsyncDisposable {
  /** Resolves when the caches have their first content. */
  started: Promise<void>;
  stop(): Promise<void>;
}

const isFinished = (pod: corev1.Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

class RunningScheduler implements Scheduler {
  readonly started: Promise<void>;
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #profiles: Readonly<Record<string, readonly Plugin<any>[]>>;
  readonly #recorder: EventRecorder;
  readonly #world = new World();
  readonly #queue = new SchedulingQueue();
  readonly #snapshot: Snapshot;
  readonly #volumeBinder: VolumeBinder;
  readonly #stopping = new AbortController();
  readonly #stops: (() => void)[] = [];
  /** uid → node, from the decision until the binding is seen or has failed. */
  readonly #assumed = new Map<string, string>();
  #nextNode = 0;
  #running = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(options: SchedulerOptions) {
    this.#client = options.client;
    this.#runtime = options.runtime;
    this.#profiles = options.profiles ?? { [DEFAULT_SCHEDULER_NAME]: defaultPlugins };
    this.#recorder = eventRecorder({ client: options.client, runtime: options.runtime, component: DEFAULT_SCHEDULER_NAME });
    this.#snapshot = this.#snapshotOfCaches(() => this.#volumeBinder.taken);
    this.#volumeBinder = new VolumeBinder(options.client, options.runtime, this.#snapshot);
    this.started = this.#start();
  }

  #snapshotOfCaches(promised: () => ReadonlySet<string>): Snapshot {
    const claims = this.#client.informer(corev1.persistentvolumeclaims);
    const volumes = this.#client.informer(corev1.persistentvolumes);
    const namespaces = this.#client.informer(corev1.namespaces);
    const classes = this.#client.informer(storagev1.storageclasses);
    const world = this.#world;
    for (const [informer, event] of [
      [claims, 'VolumeChanged'],
      [volumes, 'VolumeChanged'],
      [classes, 'VolumeChanged'],
      [namespaces, 'NamespaceUpdated'],
    ] as const) {
      const changed = () => this.#happened(event);
      this.#stops.push(informer.subscribe({ added: changed, updated: changed }));
    }
    return {
      get nodes() {
        return world.nodes;
      },
      get nodesWithAffinity() {
        return world.nodesWithAffinity;
      },
      imageNodes: (name) => world.imageNodes(name),
      node: (name) => world.node(name),
      namespace: (name) => namespaces.get(name),
      claim: (namespace, name) => claims.get(name, namespace),
      volume: (name) => volumes.get(name),
      volumes: () => volumes.list(),
      storageClass: (name) => classes.get(name),
      get promisedVolumes() {
        return promised();
      },
    };
  }

  async #start(): Promise<void> {
    const nodes = this.#client.informer(corev1.nodes);
    const pods = this.#client.informer(corev1.pods);
    const budgets = this.#client.informer(policyv1.poddisruptionbudgets);
    this.#stops.push(
      nodes.subscribe({
        added: (node) => this.#nodeChanged(node, 'NodeAdded'),
        updated: (node, old) => this.#nodeUpdated(node, old),
        deleted: (node) => this.#world.removeNode(node.metadata!.name!),
      }),
      pods.subscribe({
        added: (pod) => this.#podChanged(pod, undefined),
        updated: (pod, old) => this.#podChanged(pod, old),
        deleted: (pod) => this.#podGone(pod),
      }),
    );
    const volumeCaches = [corev1.persistentvolumeclaims, corev1.persistentvolumes, storagev1.storageclasses].map((type) =>
      this.#client.informer(type as ResourceType),
    );
    await Promise.all([nodes, pods, budgets, ...volumeCaches].map((informer) => informer.synced()));
    this.#wake();
  }

  #nodeChanged(node: corev1.Node, event: ClusterEvent): void {
    this.#world.setNode(node);
    this.#happened(event);
  }

  /** Heartbeats change nodes often; only what a plugin looks at is news for waiting pods. */
  #nodeUpdated(node: corev1.Node, old: corev1.Node): void {
    const relevant = (n: corev1.Node) => JSON.stringify([n.spec, n.metadata?.labels, n.status?.allocatable]);
    if (relevant(node) !== relevant(old)) this.#nodeChanged(node, 'NodeUpdated');
    else this.#world.setNode(node);
  }

  #podChanged(pod: corev1.Pod, old: corev1.Pod | undefined): void {
    const { uid } = pod.metadata!;
    if (pod.spec?.nodeName) {
      this.#queue.remove(podKey(pod));
      this.#assumed.delete(uid!);
      if (isFinished(pod)) this.#podGone(pod);
      else {
        this.#world.place(podInfo(pod), pod.spec.nodeName);
        this.#happened(old?.spec?.nodeName ? 'PodUpdated' : 'PodAdded');
      }
      return;
    }
    if (
      pod.metadata!.deletionTimestamp ||
      isGated(pod) ||
      isFinished(pod) ||
      !this.#profiles[pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME]
    ) {
      this.#queue.remove(podKey(pod));
      return;
    }
    if (this.#assumed.has(uid!)) return;
    // A status written by us is no reason to try again.
    if (
      old &&
      old.metadata!.generation === pod.metadata!.generation &&
      JSON.stringify(old.metadata!.labels) === JSON.stringify(pod.metadata!.labels) &&
      !isGated(old)
    )
      return;
    this.#queue.put(pod, this.#runtime.clock.now());
    this.#wake();
  }

  #podGone(pod: corev1.Pod): void {
    this.#queue.remove(podKey(pod));
    this.#assumed.delete(pod.metadata!.uid!);
    this.#world.remove(pod.metadata!.uid!);
    this.#happened('PodDeleted');
  }

  #happened(event: ClusterEvent): void {
    this.#queue.happened(event, this.#runtime.clock.now());
    this.#wake();
  }

  #wake(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        this.#queue.flush(this.#runtime.clock.now());
        for (let tried = 0; tried < PODS_PER_TURN_MAX && !this.#stopped && this.#assumed.size < BINDINGS_MAX; tried++) {
          const queued = this.#queue.pop();
          if (!queued) return;
          this.#schedule(queued);
        }
        if (this.#stopped || this.#assumed.size >= BINDINGS_MAX) return;
        await this.#runtime.clock.sleep(0);
      }
    } finally {
      this.#running = false;
      this.#setTimer();
    }
  }

  #setTimer(): void {
    this.#timer?.cancel();
    const at = this.#stopped ? undefined : this.#queue.nextFlushMs();
    if (at === undefined) return;
    this.#timer = this.#runtime.clock.after(Math.max(FLUSH_MS_MIN, at - this.#runtime.clock.now()), () => this.#wake());
  }

  #schedule(queued: QueuedPod): void {
    const { pod } = queued;
    const plugins = this.#profiles[pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME]!;
    const info = podInfo(pod);
    const result = pick(info, this.#snapshot, plugins, this.#nextNode, this.#runtime.random.number());
    if ('diagnosis' in result) return void this.#refused(queued, result.diagnosis, plugins);
    if (this.#world.nodes.length > 0) this.#nextNode = (this.#nextNode + result.lookedAt) % this.#world.nodes.length;
    this.#assumed.set(info.uid, result.nodeName);
    this.#world.place(info, result.nodeName);
    const decisions = this.#volumesFor(pod, result.nodeName);
    this.#volumeBinder.reserve(decisions);
    void this.#bind(queued, result.nodeName, decisions);
  }

  /** What the filter found for the node, once more. */
  #volumesFor(pod: corev1.Pod, nodeName: string): readonly VolumeDecision[] {
    const volumes = podVolumes(pod, this.#snapshot);
    if (!volumes || isRefusal(volumes) || volumes.waiting.length === 0) return [];
    const decided = decideVolumes(volumes, this.#world.node(nodeName)!.node, this.#snapshot, this.#snapshot.promisedVolumes);
    return Array.isArray(decided) ? decided : [];
  }

  async #bind(queued: QueuedPod, nodeName: string, decisions: readonly VolumeDecision[]): Promise<void> {
    const { pod } = queued;
    const { name, namespace, uid } = pod.metadata!;
    const binding: corev1.Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { kind: 'Node', name: nodeName },
    };
    try {
      if (decisions.length > 0) await this.#volumeBinder.bind(decisions, nodeName, this.#stopping.signal);
      await this.#client.of(corev1.pods).post(name!, namespace, 'binding', binding);
      this.#queue.done(queued.key);
      this.#recorder.event(
        { ...pod, apiVersion: 'v1', kind: 'Pod' },
        'Normal',
        'Scheduled',
        `Successfully assigned ${namespace}/${name} to ${nodeName}`,
      );
    } catch (error) {
      if (this.#assumed.get(uid!) === nodeName) this.#world.remove(uid!);
      if (isNotFound(error) || isConflict(error)) this.#queue.done(queued.key);
      else {
        this.#runtime.log.warning('binding failed', { pod: queued.key, node: nodeName, err: String(error) });
        this.#queue.failed(queued, this.#runtime.clock.now());
      }
    } finally {
      this.#assumed.delete(uid!);
      this.#wake();
    }
  }

  async #refused(queued: QueuedPod, diagnosis: Diagnosis, plugins: readonly Plugin<any>[]): Promise<void> {
    const { pod } = queued;
    const refusedBy = new Set([...diagnosis.refusals.values()].map((refusal) => refusal.plugin));
    if (diagnosis.everywhere) refusedBy.add(diagnosis.everywhere.plugin);
    const wakesOn = new Set<ClusterEvent>(plugins.filter((plugin) => refusedBy.has(plugin.name)).flatMap((plugin) => plugin.events));
    if (diagnosis.nodeCount === 0) wakesOn.add('NodeAdded');
    const budgets = this.#client.informer(policyv1.poddisruptionbudgets).list();
    const outcome = diagnosis.nodeCount > 0 ? preempt(podInfo(pod), diagnosis, this.#snapshot, plugins, budgets) : undefined;
    let message = diagnosis.nodeCount === 0 ? 'no nodes available to schedule pods' : explain(diagnosis);
    // Upstream asks the plugin for resource claims first, and names its answer too.
    if (outcome && 'reason' in outcome) message = explain(diagnosis, `no new claims to deallocate, preemption: ${outcome.reason}`);
    if (outcome && 'preemption' in outcome) wakesOn.add('PodDeleted');
    try {
      const nominatedNodeName = outcome && 'preemption' in outcome ? outcome.preemption.nodeName : undefined;
      await this.#writeRefusal(pod, message, nominatedNodeName);
      if (outcome && 'preemption' in outcome)
        await this.#evict(
          pod,
          outcome.preemption.victims.map((victim) => victim.pod),
          outcome.preemption.nodeName,
        );
      this.#queue.refused(queued, wakesOn, this.#runtime.clock.now());
    } catch (error) {
      if (isNotFound(error)) this.#queue.remove(queued.key);
      else this.#queue.failed(queued, this.#runtime.clock.now());
    }
    this.#wake();
    this.#setTimer();
  }

  async #writeRefusal(pod: corev1.Pod, message: string, nominatedNodeName: string | undefined): Promise<void> {
    const { name, namespace } = pod.metadata!;
    this.#recorder.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', 'FailedScheduling', message);
    const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (known?.message === message && known.reason === 'Unschedulable' && pod.status?.nominatedNodeName === nominatedNodeName) return;
    const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : timeText(this.#runtime.clock.now());
    const condition: corev1.PodCondition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
    const status = { conditions: [condition], ...(nominatedNodeName ? { nominatedNodeName } : {}) };
    await this.#client.of(corev1.pods).patch(name!, namespace, 'strategic', { status }, { subresource: 'status' });
  }

  async #evict(pod: corev1.Pod, victims: readonly corev1.Pod[], nodeName: string): Promise<void> {
    const pods = this.#client.of(corev1.pods);
    const now = timeText(this.#runtime.clock.now());
    const message = `${pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME}: preempting to accommodate a higher priority pod`;
    const condition: corev1.PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message,
      lastTransitionTime: now,
    };
    await Promise.all(
      victims.map(async (victim) => {
        const { name, namespace, uid } = victim.metadata!;
        try {
          if (victim.metadata!.deletionTimestamp) return;
          await pods.patch(name!, namespace, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
          await pods.delete(name!, namespace, { preconditions: { uid } });
          const text = `Preempted by pod ${pod.metadata!.uid} on node ${nodeName}`;
          this.#recorder.event({ ...victim, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'Preempted', text);
        } catch (error) {
          if (!isNotFound(error) && !isConflict(error)) throw error;
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.abort();
    this.#timer?.cancel();
    for (const stop of this.#stops) stop();
    await this.#recorder.flushed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Schedules the pods that name one of the profiles, until stopped. Talks to the API only, as the client's user. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  return new RunningScheduler(options);
}
