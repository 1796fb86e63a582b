// Runs one pod: looks at spec and runtime, decides by the pure parts beside it, acts, reports, and goes round again when something
// changed (pkg/kubelet/pod_workers.go, kubelet.go SyncPod, SyncTerminatingPod, SyncTerminatedPod).
import { rm } from 'node:fs/promises';
import { corev1 as core, type corev1, timeText } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import type { Timer } from '@tiphys/runtime';
import { isCriNotFound } from '../cri/errors.ts';
import { StartError } from '../images/puller.ts';
import { type MountedVolume, VolumeError } from '../volumes/volume-manager.ts';
import { type KillOptions, killContainer, killPod } from './kill.ts';
import type { NodeContext } from './node-context.ts';
import { podLogDirectory } from './paths.ts';
import { type PodPlan, planPod } from './plan.ts';
import { PodResize } from './pod-resize.ts';
import {
  allContainers,
  EMPTY_RUNTIME,
  findContainer,
  isHostNetwork,
  isSidecar,
  newestOf,
  type PodRuntime,
  podText,
} from './pod-runtime.ts';
import { podStatus } from './pod-status.ts';
import { type Prober, prober } from './prober.ts';
import { resizeIsNeeded } from './resources.ts';
import { ensureSandbox, type RunningSandbox } from './sandbox.ts';
import { startContainer } from './start.ts';

/** How long a failed round waits before the next one, and how often a healthy pod is looked at anyway. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 30_000;
const RESYNC_MS = 60_000;
const RESIZE_RETRY_MS = 10_000;
const EVICTION_GRACE_SECONDS = 1;
/** Pods from system-cluster-critical on are not evicted. */
const CRITICAL_PRIORITY = 2_000_000_000;
/** Dead runs of a container that are kept beside the newest. */
const DEAD_KEPT_MAX = 1;

export type WorkerPhase = 'syncing' | 'terminating' | 'terminated';

export class PodWorker {
  readonly #context: NodeContext;
  readonly #prober: Prober;
  readonly #failures = new Map<string, { reason: string; message: string }>();
  readonly #resize: PodResize;
  /** As the API has it; `#pod` is the same with the resources that this node has agreed to. */
  #desired: corev1.Pod;
  #pod: corev1.Pod;
  #phase: WorkerPhase = 'syncing';
  #failure: { reason: string; message: string } | undefined;
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
    this.#resize = new PodResize(context, pod, (type, reason, message) => this.#event(type, reason, message));
    this.#desired = pod;
    this.#pod = this.#resize.allocatedPod(pod);
    this.#onGone = onGone;
    this.#failure = failure;
    this.#refused = failure !== undefined;
    this.#prober = prober({
      clock: context.runtime.clock,
      cri: context.cri,
      status: () => context.statuses.get(pod.metadata!.uid!) ?? this.#pod.status,
      event: (container, type, reason, message) => this.#containerEvent(container, type, reason, message),
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

  /** Ends the pod for good, almost at once. */
  evict(message: string): void {
    if (this.#phase !== 'syncing' || this.#failure || (this.#pod.spec!.priority ?? 0) >= CRITICAL_PRIORITY) return;
    this.#event('Warning', 'Evicted', message);
    this.#failure = { reason: 'Evicted', message };
    this.#graceOverride = EVICTION_GRACE_SECONDS;
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
    if (error instanceof VolumeError) this.#event('Warning', 'FailedMount', error.message);
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
    await killPod(this.#killOptions(runtime), runtime, this.#removed ? 0 : this.#graceOverride);
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
    this.#event('Normal', 'DeadlineExceeded', message);
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
      failures: this.#failures,
      probes: this.#prober,
      hostIp,
      now: timeText(machine.clock.now()),
      isTerminal,
      resize: this.#resize.conditions,
      actuated: (name) => this.#resize.actuated(name),
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
    const plan = planPod(pod, runtime, this.#prober, this.#resize.plan(pod, runtime));
    const changed = await this.#carryOut(plan, runtime, mounted);
    if (changed) {
      const now = await this.#look();
      this.#report(now);
      await this.#prune(now);
      this.#dirty ||= !this.#failures.size && needsAnotherRound(pod, now, plan);
    }
    return this.#nextMs();
  }

  #nextMs(): number {
    const { clock } = this.#context.runtime;
    let nextMs = resizeIsNeeded(this.#resize.plan(this.#pod, this.#lastRuntime)) ? RESIZE_RETRY_MS : RESYNC_MS;
    for (const name of this.#failures.keys()) {
      const ended = newestOf(this.#lastRuntime, name);
      const key = `${this.#pod.metadata!.uid}_${name}`;
      const waitMs = ended ? this.#context.crashLoop.delayMs(key) - (clock.now() - ended.finishedAtMs) : RETRY_MS * 10;
      nextMs = Math.min(nextMs, Math.max(waitMs, 100));
    }
    const { activeDeadlineSeconds } = this.#pod.spec!;
    const started = this.#context.statuses.get(this.#pod.metadata!.uid!)?.startTime;
    if (activeDeadlineSeconds !== undefined && started) {
      nextMs = Math.min(nextMs, Math.max(10, Date.parse(started as string) + activeDeadlineSeconds * 1000 - clock.now() + 10));
    }
    return nextMs;
  }

  /** Whether anything was changed in the runtime. */
  async #carryOut(plan: PodPlan, runtime: PodRuntime, mounted: ReadonlyMap<string, MountedVolume>): Promise<boolean> {
    const options = this.#killOptions(runtime);
    if (plan.createSandbox && plan.sandboxId) {
      this.#event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    }
    if (plan.killPod) await killPod(options, runtime);
    else for (const kill of plan.toKill) await killContainer(options, kill);
    if (plan.killPod && !plan.createSandbox) return true;
    const starts = [...plan.ephemeralToStart, ...plan.initToStart, ...plan.toStart];
    const resizes = resizeIsNeeded(plan.resize);
    if (resizes && (await this.#resize.carryOut(this.#pod, plan.resize))) this.#context.onRoom();
    if (!plan.createSandbox && starts.length === 0) return resizes || plan.toKill.length > 0;
    if (plan.createSandbox) await this.#purgeInit(runtime);
    const { sandboxId, sandbox, podIps } = await ensureSandbox(this.#context, this.#pod, plan, runtime, (message) => {
      if (!this.#pod.metadata?.deletionTimestamp && !this.#removed) this.#event('Warning', 'FailedCreatePodSandBox', message);
    });
    let changed = resizes || plan.createSandbox || plan.toKill.length > 0;
    for (const name of starts) {
      const container = findContainer(this.#pod, name)!;
      const started = await this.#start(container, { sandboxId, sandbox, podIps, runtime, mounted });
      changed ||= started;
      const mustSucceed = plan.initToStart.includes(name) && !isSidecar(container);
      if (!started && mustSucceed) break;
    }
    return changed || this.#failures.size > 0;
  }

  async #start(
    container: corev1.Container,
    given: RunningSandbox & { runtime: PodRuntime; mounted: ReadonlyMap<string, MountedVolume> },
  ): Promise<boolean> {
    if (this.#inBackOff(container, given.runtime)) return false;
    try {
      this.#resize.starts(container);
      await startContainer({
        context: this.#context,
        pod: this.#pod,
        container,
        runtime: given.runtime,
        sandboxId: given.sandboxId,
        sandbox: given.sandbox,
        podIps: given.podIps,
        volumes: given.mounted,
        event: (name, type, reason, message) => this.#containerEvent(name, type, reason, message),
      });
      this.#failures.delete(container.name);
      return true;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#failures.set(container.name, { reason: error.reason, message: error.message });
      return false;
    }
  }

  #inBackOff(container: corev1.Container, runtime: PodRuntime): boolean {
    const ended = runtime.containers.find(({ name, state }) => name === container.name && state === 'exited');
    if (!ended) return false;
    const { crashLoop, runtime: machine } = this.#context;
    const key = `${this.#pod.metadata!.uid}_${container.name}`;
    const nowMs = machine.clock.now();
    if (!crashLoop.waitsSince(key, ended.finishedAtMs, nowMs)) {
      crashLoop.failed(key, ended.finishedAtMs, nowMs);
      return false;
    }
    const pod = podText(this.#pod);
    this.#containerEvent(container.name, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${pod}`);
    const message = `back-off ${goDuration(crashLoop.delayMs(key))} restarting failed container=${container.name} pod=${pod}`;
    this.#failures.set(container.name, { reason: 'CrashLoopBackOff', message });
    return true;
  }

  /** A new sandbox starts from the beginning: init containers of the old one must not count. */
  async #purgeInit(runtime: PodRuntime): Promise<void> {
    const names = new Set((this.#pod.spec!.initContainers ?? []).map(({ name }) => name));
    for (const { id, name } of runtime.containers) if (names.has(name)) await this.#removeContainer(id);
  }

  async #removeContainer(id: string): Promise<void> {
    await this.#context.cri.removeContainer(id).catch((error) => {
      if (!isCriNotFound(error)) throw error;
    });
  }

  async #prune(runtime: PodRuntime): Promise<void> {
    for (const { name } of allContainers(this.#pod)) {
      const dead = runtime.containers.filter(
        (container, i, all) => container.name === name && all.findIndex((one) => one.name === name) !== i,
      );
      for (const { id, logPath, state } of dead.filter(({ state }) => state !== 'running').slice(DEAD_KEPT_MAX)) {
        if (state === 'exited') await this.#removeContainer(id);
        if (logPath) await rm(logPath, { force: true });
      }
    }
    for (const { id, ready } of runtime.sandboxes.slice(1)) {
      if (ready || runtime.containers.some(({ sandboxId }) => sandboxId === id)) continue;
      await this.#context.cri.removePodSandbox(id).catch(() => {});
    }
  }

  /** A shorter grace period reaches the containers that are being stopped already. */
  async #hurry(graceSeconds: number): Promise<void> {
    const running = this.#lastRuntime.containers.filter(({ state }) => state === 'running');
    await Promise.allSettled(running.map(({ id }) => this.#context.cri.stopContainer(id, Math.max(1, graceSeconds))));
  }

  /** After the end: leave the API when asked to, and clean up when it has forgotten the pod. */
  async #afterEnd(): Promise<number> {
    const { client, statuses } = this.#context;
    const { uid, name, namespace, deletionTimestamp } = this.#pod.metadata!;
    if (this.#removed) {
      await this.#cleanUp();
      return RESYNC_MS;
    }
    if (!deletionTimestamp) return RESYNC_MS;
    await statuses.written(uid!);
    try {
      await client.of(core.pods).delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
    } catch (error) {
      if (!isNotFound(error) && (error as { code?: number }).code !== 409) throw error;
    }
    return RESYNC_MS;
  }

  async #cleanUp(): Promise<void> {
    const { cri, directory, view, statuses, allocations, crashLoop, images } = this.#context;
    const uid = this.#pod.metadata!.uid!;
    const runtime = await this.#look();
    for (const { id } of runtime.containers) await this.#removeContainer(id);
    for (const { id } of runtime.sandboxes) {
      await cri.stopPodSandbox(id).catch(() => {});
      await cri.removePodSandbox(id).catch((error) => {
        if (!isCriNotFound(error)) throw error;
      });
    }
    await rm(podLogDirectory(directory, this.#pod), { recursive: true, force: true });
    await this.#context.cgroups.removePod(uid);
    view.forget(uid);
    statuses.forget(uid);
    allocations.forget(uid);
    crashLoop.forget(`${uid}_`);
    images.forget(uid);
    this.#stopped = true;
    this.#prober.stop();
    this.#onGone(uid);
  }

  #killOptions(runtime: PodRuntime): KillOptions {
    const podIp = isHostNetwork(this.#pod) ? this.#context.hostIp : (runtime.sandboxes[0]?.ips[0] ?? '');
    return {
      context: this.#context,
      pod: this.#pod,
      podIp,
      event: (container, type, reason, message) => this.#containerEvent(container, type, reason, message),
    };
  }

  #event(type: EventType, reason: string, message: string): void {
    this.#context.events.event({ ...this.#pod, apiVersion: 'v1', kind: 'Pod' }, type, reason, message);
  }

  #containerEvent(container: string, type: EventType, reason: string, message: string): void {
    const spec = this.#pod.spec!;
    const list = spec.containers.some(({ name }) => name === container)
      ? 'containers'
      : spec.initContainers?.some(({ name }) => name === container)
        ? 'initContainers'
        : 'ephemeralContainers';
    this.#context.events.event({ ...this.#pod, apiVersion: 'v1', kind: 'Pod' }, type, reason, message, {
      fieldPath: `spec.${list}{${container}}`,
    });
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

/** `10s`, `1m20s`, as Go prints durations of whole seconds. */
function goDuration(ms: number): string {
  const total = Math.round(ms / 1000);
  const minutes = Math.floor(total / 60);
  return minutes > 0 ? `${minutes}m${total % 60}s` : `${total}s`;
}
