// The scheduler as a program: follows pods, tries waiting ones one after another, binds side by side. Decisions are pick() and
// preempt(); this file only carries them out (pkg/scheduler/scheduler.go, schedule_one.go).
import { corev1 } from '@tiphys/api';
import { type Client, type SeriesRecorder, seriesRecorder } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import type { Family } from '@tiphys/std';
import { ClaimBinder } from '../devices/claim-binder.ts';
import { extenderScores, filteredByExtenders, preemptedByExtenders, preemptingExtenders } from '../extender.ts';
import type { Happening, Hints } from '../framework/events.ts';
import { type Choice, choose, type Diagnosis, diagnose, explain, feasibleNodes, type PickOptions, pick } from '../pick.ts';
import type { PluginServices } from '../plugins/index.ts';
import { type Preemption, type PreemptionOutcome, preemptionAmong, preemptionCandidates } from '../preempt.ts';
import { VolumeBinder } from '../volumes/volume-binder.ts';
import { type PodInfo, podInfo, podKey } from '../world/infos.ts';
import { bind, reserveAll, SentBack } from './binding.ts';
import { ClusterView } from './cluster-view.ts';
import { Evictions } from './evictions.ts';
import { SchedulerMetrics } from './metrics.ts';
import { DEFAULT_SCHEDULER_NAME, defaultProfile, enqueueRefusal, type Profile, type ProfileOptions, profileOf } from './profile.ts';
import { type BackoffOptions, type QueuedPod, SchedulingQueue } from './queue.ts';
import { takeBackNomination, writeVerdict } from './refusal.ts';

/** Bindings on their way at once. */
export const BINDINGS_MAX = 256;
/** Pods tried before other work gets its turn. */
const PODS_PER_TURN_MAX = 64;
/** The queue's timer is never shorter. */
const FLUSH_MS_MIN = 10;

export interface SchedulerOptions {
  client: Client;
  runtime: Runtime;
  /** Default: upstream's default profile. */
  profiles?: (services: PluginServices) => readonly ProfileOptions[];
  backoff?: BackoffOptions;
  /** Written into events, as the name of the machine. */
  host?: string;
}

export interface Scheduler extends AsyncDisposable {
  /** Resolves when the caches have their first content. */
  started: Promise<void>;
  /** For /metrics. */
  metrics: readonly Family[];
  stop(): Promise<void>;
}

const isFinished = (pod: corev1.Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const sameLabels = (a: corev1.Pod, b: corev1.Pod) => JSON.stringify(a.metadata?.labels) === JSON.stringify(b.metadata?.labels);

/** What a plugin that refused everywhere, or nowhere in particular, waits for. */
const ANY_NODE: Hints = { NodeAdded: true };
const POD_DELETED: Hints = { PodDeleted: true };
const ANYTHING: Hints = { NodeAdded: true, NodeUpdated: true, PodAdded: true, PodUpdated: true, PodDeleted: true, ClaimChanged: true };

class RunningScheduler implements Scheduler {
  readonly started: Promise<void>;
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #recorder: SeriesRecorder;
  readonly #view: ClusterView;
  readonly #queue: SchedulingQueue;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #stopping = new AbortController();
  readonly #metrics = new SchedulerMetrics({
    queues: () => this.#queue.sizes,
    cache: () => ({ ...this.#view.world.sizes, assumed_pods: this.#assumed.size }),
  });
  #stopPods = () => {};
  /** uid → node, from the decision until the binding is seen or has failed. */
  readonly #assumed = new Map<string, string>();
  /** By uid: what sends a pod back whose binding is being prepared. */
  readonly #preparing = new Map<string, AbortController>();
  readonly #evictions: Evictions;
  #nextNode = 0;
  #running = false;
  #timer: Timer | undefined;

  constructor({ client, runtime, profiles, backoff, host = '' }: SchedulerOptions) {
    this.#client = client;
    this.#runtime = runtime;
    this.#recorder = seriesRecorder({ client, runtime, reportingController: DEFAULT_SCHEDULER_NAME, host });
    this.#view = new ClusterView(client, () => volumeBinder.taken);
    const volumeBinder: VolumeBinder = new VolumeBinder(client, runtime, this.#view.snapshot);
    const claimBinder = new ClaimBinder({ client, runtime, recorder: this.#recorder, world: this.#view.devices });
    const services = { volumeBinder, claimBinder, runtime };
    const options = profiles?.(services) ?? [defaultProfile(services)];
    this.#profiles = new Map(options.map((one) => [one.schedulerName, profileOf(one)]));
    this.#queue = new SchedulingQueue(backoff, (pod) => this.#gateOf(pod));
    const podOf = (name: string, namespace: string) => client.informer(corev1.pods).get(name, namespace);
    this.#evictions = new Evictions({ ...this.#services, podOf, sendBack: (uid) => this.#sendBack(uid) });
    this.started = this.#start();
  }

  async #start(): Promise<void> {
    this.#view.follow((happening) => this.#happened(happening));
    const pods = this.#client.informer(corev1.pods);
    this.#stopPods = pods.subscribe({
      added: (pod) => this.#podChanged(pod, undefined),
      updated: (pod, old) => this.#podChanged(pod, old),
      deleted: (pod) => this.#podGone(pod),
    });
    await Promise.all([pods.synced(), this.#view.synced()]);
    this.#wake();
  }

  get metrics(): readonly Family[] {
    return this.#metrics.families;
  }

  #gateOf(pod: corev1.Pod): Hints | undefined {
    if (this.#evictions.holdsBack(pod.metadata!.uid!)) return POD_DELETED;
    const profile = this.#profileOf(pod);
    return profile && enqueueRefusal(profile, pod, this.#view.snapshot)?.plugin.events;
  }

  get #services() {
    return { client: this.#client, runtime: this.#runtime, recorder: this.#recorder };
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #profileOf(pod: corev1.Pod): Profile | undefined {
    return this.#profiles.get(pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME);
  }

  #podChanged(pod: corev1.Pod, old: corev1.Pod | undefined): void {
    const uid = pod.metadata!.uid!;
    if (pod.spec?.nodeName) {
      this.#queue.remove(podKey(pod));
      this.#assumed.delete(uid);
      if (isFinished(pod)) {
        this.#podGone(pod);
        return;
      }
      this.#view.world.place(podInfo(pod), pod.spec.nodeName);
      const event = old?.spec?.nodeName ? 'PodUpdated' : 'PodAdded';
      this.#happened({ event, pod: { ...(old ? { old } : {}), new: pod } });
      return;
    }
    const profile = this.#profileOf(pod);
    if (pod.metadata!.deletionTimestamp || isFinished(pod) || !profile) {
      this.#queue.remove(podKey(pod));
      this.#view.world.denominate(uid);
      return;
    }
    if (pod.status?.nominatedNodeName) this.#view.world.nominate(podInfo(pod), pod.status.nominatedNodeName);
    if (this.#assumed.has(uid)) return;
    // A status written by us is no reason to try again.
    const isUnchanged = old && old.metadata!.generation === pod.metadata!.generation && sameLabels(old, pod);
    if (isUnchanged && !this.#queue.isGated(podKey(pod))) this.#queue.refresh(pod);
    else this.#queue.put(pod, this.#runtime.clock.monotonicMs());
    this.#wake();
  }

  #podGone(pod: corev1.Pod): void {
    this.#queue.remove(podKey(pod));
    this.#assumed.delete(pod.metadata!.uid!);
    this.#view.world.remove(pod.metadata!.uid!);
    this.#happened({ event: 'PodDeleted', pod: { old: pod } });
  }

  #happened(happening: Happening): void {
    if (this.#queue.happened(happening, this.#runtime.clock.monotonicMs())) this.#wake();
  }

  #wake(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        this.#queue.flush(this.#runtime.clock.monotonicMs());
        for (let tried = 0; tried < PODS_PER_TURN_MAX && !this.#stopped && this.#assumed.size < BINDINGS_MAX; tried++) {
          const queued = this.#queue.pop(this.#runtime.clock.monotonicMs());
          if (!queued) return;
          const waiting = this.#try(queued);
          if (waiting) await waiting;
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
    this.#timer = this.#runtime.clock.after(Math.max(FLUSH_MS_MIN, at - this.#runtime.clock.monotonicMs()), () => this.#wake());
  }

  /** Gives a promise only when others must be asked, which then is waited for: pods are decided one after another. */
  #try(queued: QueuedPod): Promise<void> | undefined {
    const profile = this.#profileOf(queued.pod)!;
    const info = podInfo(queued.pod);
    const options: PickOptions = {
      start: this.#nextNode,
      chance: this.#runtime.random.number(),
      percentageOfNodesToScore: profile.percentageOfNodesToScore,
      remembered: profile.remembered,
    };
    if (profile.extenders?.length) return this.#tryWithExtenders(queued, info, profile, options);
    const startMs = this.#runtime.clock.monotonicMs();
    try {
      const result = pick(info, this.#view.snapshot, profile.plugins, options);
      this.#metrics.decided(this.#runtime.clock.monotonicMs() - startMs);
      this.#decided(queued, info, profile, result);
    } catch (error) {
      this.#metrics.attempted('error', profile.schedulerName, this.#runtime.clock.monotonicMs() - startMs);
      this.#failed(queued, error as Error);
    }
    return undefined;
  }

  async #tryWithExtenders(queued: QueuedPod, info: PodInfo, profile: Profile, options: PickOptions): Promise<void> {
    const { snapshot } = this.#view;
    const { plugins, extenders = [] } = profile;
    try {
      const found = feasibleNodes(info, snapshot, plugins, options);
      if ('diagnosis' in found) return await this.#decided(queued, info, profile, found);
      const left = await filteredByExtenders(info, found, extenders);
      if (left.nodes.length === 0) return await this.#decided(queued, info, profile, { diagnosis: diagnose(left, snapshot.nodes.length) });
      const extra = await extenderScores(info, left.nodes, extenders);
      await this.#decided(queued, info, profile, choose(info, left, snapshot, plugins, options.chance, extra));
    } catch (error) {
      this.#failed(queued, error as Error);
    }
  }

  #decided(queued: QueuedPod, info: PodInfo, profile: Profile, result: Choice | { diagnosis: Diagnosis }): Promise<void> | undefined {
    if ('diagnosis' in result) return this.#refused(queued, info, profile, result.diagnosis);
    this.#nextNode = (this.#nextNode + result.lookedAt) % this.#view.world.nodes.length;
    void this.#bind(queued, info, profile, result);
    return undefined;
  }

  async #bind(queued: QueuedPod, info: PodInfo, profile: Profile, { node, prepared }: Choice): Promise<void> {
    const { plugins, extenders = [], schedulerName } = profile;
    let undo = () => {};
    const { clock } = this.#runtime;
    const startMs = clock.monotonicMs();
    try {
      this.#assumed.set(info.uid, node.name);
      const reservations = reserveAll(info, node, this.#view.snapshot, plugins, prepared);
      undo = reservations.undo;
      this.#view.world.place(info, node.name);
      const binder = extenders.find((one) => one.bind && one.isInterested(info.pod));
      await bind(info, node.name, plugins, reservations, {
        ...this.#services,
        preparing: () => this.#prepare(info.uid),
        prepared: () => void this.#preparing.delete(info.uid),
        ...(binder ? { bindElsewhere: binder.bind!.bind(binder) } : {}),
      });
      this.#metrics.attempted('scheduled', schedulerName, clock.monotonicMs() - startMs);
      this.#metrics.bound(queued.attempts, clock.monotonicMs() - queued.queuedMs);
    } catch (error) {
      undo();
      if (this.#assumed.get(info.uid) === node.name) this.#view.world.remove(info.uid);
      this.#metrics.attempted('error', schedulerName, clock.monotonicMs() - startMs);
      this.#notBound(queued, node.name, error as Error);
    } finally {
      this.#assumed.delete(info.uid);
      this.#wake();
    }
  }

  #prepare(uid: string): AbortSignal {
    const controller = new AbortController();
    this.#preparing.set(uid, controller);
    return AbortSignal.any([this.#stopping.signal, controller.signal]);
  }

  #sendBack(uid: string): boolean {
    const controller = this.#preparing.get(uid);
    controller?.abort(new Error('preempted by DefaultPreemption'));
    return controller !== undefined;
  }

  #notBound(queued: QueuedPod, nodeName: string, error: Error): void {
    if (this.#stopped || !this.#isWaiting(queued)) return;
    this.#runtime.log.warning('binding failed', { pod: queued.key, node: nodeName, err: String(error) });
    if (error instanceof SentBack) this.#queue.refused(queued, [error.plugin.events], this.#runtime.clock.monotonicMs());
    else this.#failed(queued, error);
  }

  /** Trying itself failed: the pod says so and is tried again after a while. */
  #failed(queued: QueuedPod, error: Error): void {
    if (!this.#isWaiting(queued)) return;
    this.#queue.failed(queued, this.#runtime.clock.monotonicMs());
    void this.#tell(queued.pod, { reason: 'SchedulerError', message: error.message });
    this.#setTimer();
  }

  /** The pod is there still, and nobody else gave it a node. */
  #isWaiting({ pod }: QueuedPod): boolean {
    const { name, namespace, uid } = pod.metadata!;
    const now = this.#client.informer(corev1.pods).get(name!, namespace);
    return now?.metadata?.uid === uid && !now?.spec?.nodeName && !now?.metadata?.deletionTimestamp;
  }

  /** Gives a promise when extenders must be asked about victims. */
  #refused(queued: QueuedPod, info: PodInfo, profile: Profile, diagnosis: Diagnosis): Promise<void> | undefined {
    const { snapshot } = this.#view;
    const { plugins, preempts, extenders = [] } = profile;
    const tries = preempts && diagnosis.nodeCount > 0;
    const options = { start: this.#nextNode, ...(profile.preemption ? { arguments: profile.preemption } : {}) };
    const found = tries ? preemptionCandidates(info, diagnosis, snapshot, plugins, options) : undefined;
    if (!found || 'reason' in found) return this.#concluded(queued, info, profile, diagnosis, found);
    const asked = preemptingExtenders(info.pod, extenders);
    if (asked.length === 0) return this.#concluded(queued, info, profile, diagnosis, preemptionAmong(found.candidates));
    return preemptedByExtenders(info, found.candidates, snapshot, asked)
      .then(preemptionAmong, (error: Error) => ({ reason: error.message }))
      .then((outcome) => this.#concluded(queued, info, profile, diagnosis, outcome));
  }

  #concluded(queued: QueuedPod, info: PodInfo, profile: Profile, diagnosis: Diagnosis, outcome: PreemptionOutcome | undefined): undefined {
    const { plugins } = profile;
    const noNodes = diagnosis.nodeCount === 0;
    this.#metrics.attempted('unschedulable', profile.schedulerName, 0);
    const preemption = outcome && 'preemption' in outcome ? outcome.preemption : undefined;
    const others = noNodes ? [] : plugins.flatMap((plugin) => plugin.postFilter?.(info, diagnosis.prepared?.states.get(plugin)) ?? []);
    for (const { act } of others) if (act) void this.#helped(info, act);
    const preempted = outcome && 'reason' in outcome ? [`preemption: ${outcome.reason}`] : [];
    const after = preemption ? '' : [...others.map(({ reason }) => reason), ...preempted].join(', ');
    const message = noNodes ? 'no nodes available to schedule pods' : explain(diagnosis, after);
    this.#queue.refused(queued, this.#hintsOf(diagnosis, profile), this.#runtime.clock.monotonicMs());
    if (preemption) {
      this.#metrics.preempted(preemption.victims.length);
      this.#nominate(info, preemption.nodeName);
    }
    const takenBack = outcome && 'isFinal' in outcome ? '' : undefined;
    const nominatedNodeName = preemption ? preemption.nodeName : takenBack;
    const told = this.#tell(queued.pod, { reason: 'Unschedulable', message, nominatedNodeName });
    if (preemption) void told.then(() => this.#evict(info, preemption));
    this.#setTimer();
  }

  async #helped(info: PodInfo, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#runtime.log.warning('making a pod schedulable failed', { pod: info.key, err: String(error) });
    }
  }

  async #evict(info: PodInfo, preemption: Preemption): Promise<void> {
    const schedulerName = info.pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME;
    const again = () => {
      this.#queue.activate(info.key, this.#runtime.clock.monotonicMs());
      this.#wake();
    };
    try {
      await this.#evictions.run(info.pod, preemption, schedulerName);
      // It heard of a victim's end while the others were being told.
      if (this.#queue.isGated(info.key)) again();
    } catch (error) {
      this.#view.world.denominate(info.uid);
      this.#runtime.log.warning('preemption failed', { pod: info.key, node: preemption.nodeName, err: String(error) });
      // What was done so far tells nobody that it is worth a new try.
      again();
    }
  }

  /** Promises the node. Pods of less priority that were promised it look for another. */
  #nominate(info: PodInfo, nodeName: string): void {
    const { world } = this.#view;
    for (const other of world.nominated(nodeName)) {
      if (other.priority >= info.priority) continue;
      world.denominate(other.uid);
      void takeBackNomination(other.pod, this.#services);
    }
    world.nominate(info, nodeName);
  }

  #hintsOf(diagnosis: Diagnosis, { plugins }: Profile): Hints[] {
    const refusedBy = new Set([...diagnosis.refusals.values()].map((refusal) => refusal.plugin));
    for (const one of [diagnosis.everywhere, diagnosis.others]) for (const name of one?.plugin.split(' ') ?? []) refusedBy.add(name);
    const hints = plugins.filter((plugin) => refusedBy.has(plugin.name)).map((plugin) => plugin.events);
    if (diagnosis.nodeCount === 0) hints.push(ANY_NODE);
    if (refusedBy.has('Extender')) hints.push(ANYTHING);
    return hints;
  }

  async #tell(pod: corev1.Pod, verdict: Parameters<typeof writeVerdict>[1]): Promise<void> {
    try {
      await writeVerdict(pod, verdict, this.#services);
    } catch (error) {
      if (!isNotFound(error as Error)) this.#runtime.log.warning('updating pod condition failed', { pod: podKey(pod), err: String(error) });
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    this.#stopPods();
    this.#view.stop();
    this.#recorder.stop();
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
