// Runs one pod: looks at spec and runtime, decides by the pure parts beside it, acts, reports, and goes round again when something
// changed (pkg/kubelet/pod_workers.go, kubelet.go SyncPod, SyncTerminatingPod, SyncTerminatedPod).
import { type corev1, timeText } from '@tiphys/api';
import type { Timer } from '@tiphys/runtime';
import { VolumeError } from '../volumes/volume-manager.ts';
import { leaveApi, pruneRuns, removePod } from './clean-up.ts';
import { ContainerSync } from './container-sync.ts';
import { killPod } from './kill.ts';
import type { NodeContext } from './node-context.ts';
import { type PodPlan, planPod } from './plan.ts';
import { type PodEvents, podEvents } from './pod-events.ts';
import { PodResize } from './pod-resize.ts';
import { EMPTY_RUNTIME, findContainer, isSidecar, newestOf, type PodRuntime, podText } from './pod-runtime.ts';
import { type PodFailure, podStatus } from './pod-status.ts';
import { type Prober, prober } from './prober.ts';
import { isCritical } from './qos.ts';
import { resizeIsNeeded } from './resources.ts';
import { RESTARTING_CONDITION } from './restart.ts';

/** How long a failed round waits before the next one, and how often a healthy pod is looked at anyway. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 30_000;
const RESYNC_MS = 60_000;
const RESIZE_RETRY_MS = 10_000;
const EVICTION_GRACE_SECONDS = 1;
const PREEMPTED = 'Preempted in order to admit critical pod';

export type WorkerPhase = 'syncing' | 'terminating' | 'terminated';

export class PodWorker {
  readonly #context: NodeContext;
  readonly #prober: Prober;
  readonly #events: PodEvents;
  readonly #resize: PodResize;
  readonly #containers: ContainerSync;
  /** As the API has it; `#pod` is the same with the resources that this node has agreed to. */
  #desired: corev1.Pod;
  #pod: corev1.Pod;
  #phase: WorkerPhase = 'syncing';
  #failure: PodFailure | undefined;
  #dirty = false;
  #running: Promise<void> | undefined;
  #removed = false;
  #stopped = false;
  #retryMs = RETRY_MS;
  #timer: Timer | undefined;
  #graceSeconds: number | undefined;
  #graceOverride: number | undefined;
  #lastRuntime: PodRuntime = EMPTY_RUNTIME;
  readonly #onGone: (uid: string) => void;
  readonly #refused: boolean;

  constructor(context: NodeContext, pod: corev1.Pod, onGone: (uid: string) => void, failure?: { reason: string; message: string }) {
    this.#context = context;
    this.#events = podEvents(context.events, () => this.#pod);
    this.#resize = new PodResize(context, pod, this.#events.pod);
    this.#containers = new ContainerSync(context, this.#resize, this.#events);
    this.#desired = pod;
    this.#pod = this.#resize.allocatedPod(pod);
    this.#onGone = onGone;
    this.#failure = failure;
    this.#refused = failure !== undefined;
    this.#prober = prober({
      clock: context.runtime.clock,
      cri: context.cri,
      status: () => context.statuses.get(pod.metadata!.uid!) ?? this.#pod.status,
      event: this.#events.container,
      onChange: () => this.wake(),
      startedMs: context.startedMs,
    });
    this.wake();
  }

  get pod(): corev1.Pod {
    return this.#pod;
  }

  /** Whether a resize waits until other pods leave room. */
  get waitsForRoom(): boolean {
    return this.#resize.isPending;
  }

  get phase(): WorkerPhase {
    return this.#phase;
  }

  /**
   * Whether other pods have less room for its sake (kubelet_pods.go isPodInactive): as the scheduler has it, a pod does until the API
   * has forgotten it, however far the work on it here is.
   */
  get takesRoom(): boolean {
    return !this.#removed && !this.#refused && this.#phase !== 'terminated';
  }

  update(pod: corev1.Pod): void {
    const shorter =
      this.#phase === 'terminating' &&
      pod.metadata?.deletionGracePeriodSeconds !== undefined &&
      pod.metadata.deletionGracePeriodSeconds < (this.#graceSeconds ?? Number.POSITIVE_INFINITY);
    const statusOnly = this.#pod.metadata?.generation === pod.metadata?.generation && sameMetadata(this.#pod, pod);
    const overwritten = this.#context.statuses.isOverwritten(pod);
    this.#desired = pod;
    this.#pod = this.#resize.allocatedPod(pod);
    if (shorter) void this.#hurry(pod.metadata!.deletionGracePeriodSeconds!);
    // Our own status writes come back as updates and need no new round.
    if (!statusOnly || overwritten || this.#phase === 'terminated') this.wake();
  }

  /** The pod is gone from the API: what is left here ends at once. */
  remove(): void {
    this.#removed = true;
    void this.#hurry(0);
    this.wake();
  }

  /** Ends the pod for good, almost at once; answers whether it may be ended. `isDisruption` when it goes for the sake of others. */
  evict(message: string, isDisruption = false): boolean {
    if (this.#phase !== 'syncing' || this.#failure || isCritical(this.#pod)) return false;
    this.#graceOverride = EVICTION_GRACE_SECONDS;
    this.#end({ reason: 'Evicted', message, ...(isDisruption ? { disruption: message } : {}) });
    return true;
  }

  /** Ends the pod for good, in the time it asks for, so that another one fits. */
  preempt(): void {
    if (this.#phase !== 'syncing' || this.#failure) return;
    this.#end({ reason: 'Preempting', message: PREEMPTED, disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.' });
  }

  #end(failure: PodFailure): void {
    this.#events.pod('Warning', failure.reason, failure.message);
    this.#failure = failure;
    this.wake();
  }

  /** Looks at the pod again soon. */
  wake(): void {
    if (this.#stopped) return;
    this.#dirty = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#dirty && !this.#stopped) this.wake();
    });
  }

  /** Lets go of the pod; its containers run on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#prober.stop();
    await this.#running;
  }

  async #loop(): Promise<void> {
    // Wakes of the same moment are one round.
    await Promise.resolve();
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      this.#timer?.cancel();
      try {
        const againMs = await this.#round();
        this.#retryMs = RETRY_MS;
        if (!this.#stopped) this.#again(againMs);
      } catch (error) {
        if (this.#stopped) return;
        this.#explain(error);
        this.#again(this.#retryMs);
        this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
      }
    }
  }

  #again(delayMs: number): void {
    this.#timer = this.#context.runtime.clock.after(delayMs, () => this.wake());
  }

  #explain(error: unknown): void {
    if (error instanceof VolumeError) this.#events.pod('Warning', 'FailedMount', error.message);
    this.#context.runtime.log.warning('a pod could not be brought up to date', { pod: podText(this.#pod), error: String(error) });
  }

  /** Milliseconds until the next look. */
  async #round(): Promise<number> {
    if (this.#phase === 'terminated') return this.#afterEnd();
    let runtime = await this.#look();
    if (this.#phase === 'syncing') {
      this.#checkDeadline();
      if (this.#resize.allocate(this.#desired)) this.#pod = this.#resize.allocatedPod(this.#desired);
      const ended = this.#report(runtime);
      if (!ended && !this.#removed && !this.#pod.metadata?.deletionTimestamp && !this.#failure) return this.#sync(runtime);
      this.#phase = 'terminating';
    }
    this.#prober.stopLiveness();
    this.#graceSeconds = this.#removed ? 0 : this.#pod.metadata?.deletionGracePeriodSeconds;
    await killPod(this.#containers.killOptions(this.#pod, runtime), runtime, this.#removed ? 0 : this.#graceOverride);
    runtime = await this.#look();
    if (runtime.containers.some(({ state }) => state === 'running')) return RETRY_MS;
    this.#prober.stop();
    this.#report(runtime, true);
    await this.#context.volumes.unmount(this.#pod.metadata!.uid!);
    await this.#context.cgroups.removePod(this.#pod.metadata!.uid!);
    this.#phase = 'terminated';
    this.#context.onRoom();
    return this.#afterEnd();
  }

  async #look(): Promise<PodRuntime> {
    this.#lastRuntime = await this.#context.view.podRuntime(this.#pod.metadata!.uid!);
    return this.#lastRuntime;
  }

  #checkDeadline(): void {
    const { activeDeadlineSeconds } = this.#pod.spec!;
    const started = this.#context.statuses.get(this.#pod.metadata!.uid!)?.startTime ?? this.#pod.status?.startTime;
    if (activeDeadlineSeconds === undefined || !started || this.#failure) return;
    if (this.#context.runtime.clock.now() - Date.parse(started as string) < activeDeadlineSeconds * 1000) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#failure = { reason: 'DeadlineExceeded', message };
    this.#events.pod('Normal', 'DeadlineExceeded', message);
  }

  /** Sets the status; answers whether the pod has ended. */
  #report(runtime: PodRuntime, isTerminal = false): boolean {
    const { statuses, runtime: machine, hostIp } = this.#context;
    const old = statuses.get(this.#pod.metadata!.uid!) ?? this.#pod.status ?? {};
    this.#resize.settle(this.#pod, runtime, isTerminal);
    const status = podStatus({
      pod: this.#pod,
      runtime,
      old,
      failures: this.#containers.failures,
      probes: this.#prober,
      hostIp,
      now: timeText(machine.clock.now()),
      isTerminal,
      resize: this.#resize.conditions,
      actuated: (name) => this.#resize.actuated(name),
      actuatedPod: this.#resize.actuatedPod(this.#pod),
      ...(this.#failure ? { failure: this.#failure } : {}),
    });
    if (this.#refused && runtime.containers.length === 0) {
      // Nothing of a refused pod was ever here: only why is said (kubelet.go rejectPod).
      const { phase, reason, message, qosClass, startTime, observedGeneration } = status;
      const conditions = this.#pod.status?.conditions ?? [];
      const said = { phase, reason, message, qosClass, startTime, observedGeneration, conditions };
      statuses.set(this.#pod, said as corev1.PodStatus);
      return true;
    }
    // A pod that has ended without any trace of its containers has failed.
    if (isTerminal && status.phase !== 'Succeeded' && status.phase !== 'Failed') status.phase = 'Failed';
    statuses.set(this.#pod, status);
    this.#prober.poke();
    return status.phase === 'Succeeded' || status.phase === 'Failed';
  }

  async #sync(runtime: PodRuntime): Promise<number> {
    const { cgroups, volumes } = this.#context;
    const pod = this.#pod;
    await cgroups.ensurePod(pod);
    const mounted = await volumes.mount(pod);
    this.#prober.start(pod);
    const restartsAll = this.#restartsAll();
    const plan = planPod(pod, runtime, this.#prober, { resize: this.#resize.plan(pod, runtime), restartsAll });
    const isWanted = () => !this.#pod.metadata?.deletionTimestamp && !this.#removed;
    const changed = await this.#containers.carryOut(pod, plan, runtime, mounted, isWanted);
    if (changed) {
      const now = await this.#look();
      this.#report(now);
      await pruneRuns(this.#context, pod, now);
      this.#dirty ||= restartsAll || (!this.#containers.failures.size && needsAnotherRound(pod, now, plan));
    }
    return this.#nextMs();
  }

  /** As it was reported a moment ago: whoever looks at the pod must have been able to see it. */
  #restartsAll(): boolean {
    const { conditions = [] } = this.#context.statuses.get(this.#pod.metadata!.uid!) ?? {};
    return conditions.some(({ type, status }) => type === RESTARTING_CONDITION && status === 'True');
  }

  #nextMs(): number {
    const { clock } = this.#context.runtime;
    let nextMs = resizeIsNeeded(this.#resize.plan(this.#pod, this.#lastRuntime)) ? RESIZE_RETRY_MS : RESYNC_MS;
    nextMs = Math.min(nextMs, this.#containers.nextTryMs(this.#pod, this.#lastRuntime));
    const { activeDeadlineSeconds } = this.#pod.spec!;
    const started = this.#context.statuses.get(this.#pod.metadata!.uid!)?.startTime;
    if (activeDeadlineSeconds !== undefined && started) {
      nextMs = Math.min(nextMs, Math.max(10, Date.parse(started as string) + activeDeadlineSeconds * 1000 - clock.now() + 10));
    }
    return nextMs;
  }

  /** A shorter grace period reaches the containers that are being stopped already. */
  async #hurry(graceSeconds: number): Promise<void> {
    const running = this.#lastRuntime.containers.filter(({ state }) => state === 'running');
    await Promise.allSettled(running.map(({ id }) => this.#context.cri.stopContainer(id, Math.max(1, graceSeconds))));
  }

  /** After the end: leave the API when asked to, and clean up when it has forgotten the pod. */
  async #afterEnd(): Promise<number> {
    if (this.#removed) {
      await removePod(this.#context, this.#pod);
      this.#stopped = true;
      this.#prober.stop();
      this.#onGone(this.#pod.metadata!.uid!);
    } else if (this.#pod.metadata!.deletionTimestamp) await leaveApi(this.#context, this.#pod);
    return RESYNC_MS;
  }
}

function sameMetadata(a: corev1.Pod, b: corev1.Pod): boolean {
  const text = ({ metadata }: corev1.Pod) =>
    JSON.stringify([metadata?.labels, metadata?.annotations, metadata?.deletionTimestamp, metadata?.deletionGracePeriodSeconds]);
  const gates = ({ spec, status }: corev1.Pod) =>
    JSON.stringify((spec?.readinessGates ?? []).map((gate) => status?.conditions?.find(({ type }) => type === gate.conditionType)?.status));
  return text(a) === text(b) && gates(a) === gates(b);
}

/** A sidecar that has started lets the next container start: nothing else would wake the worker. */
function needsAnotherRound(pod: corev1.Pod, runtime: PodRuntime, plan: PodPlan): boolean {
  if (plan.initToStart.length === 0 && plan.toKill.length === 0) return false;
  return plan.initToStart.every((name) => {
    const container = findContainer(pod, name)!;
    const state = newestOf(runtime, name)?.state;
    return isSidecar(container) ? state === 'running' && !container.startupProbe : state === 'exited';
  });
}
