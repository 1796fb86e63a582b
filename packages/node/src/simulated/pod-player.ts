// Plays the kubelet for all pods of all simulated nodes: one subscription, a timer only for pods that wait for something, and
// a bounded number of writes at once. What to write is decided by stages.ts and the node's own status rules.
import { corev1, timeText } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import { isHostNetwork } from '../pod-worker/pod-runtime.ts';
import { podStatus, type StatusProbes } from '../pod-worker/pod-status.ts';
import { restartsAfterExit } from '../pod-worker/restart.ts';
import { KILLED_EXIT_CODE, type Life, lifeOf, simulatedRuntime } from './containers.ts';
import { ADDRESSES_PER_NODE, nodeAddress, podAddress, slotOf } from './machines.ts';
import { type ChosenStage, chooseStage, type PodStage, type StageFrom } from './stages.ts';

export const WRITES_AT_ONCE_MAX = 64;
const RETRY_MS = 1000;

interface Room {
  index: number;
  taken: Set<number>;
  next: number;
}

interface Entry {
  pod: corev1.Pod;
  room: Room;
  life: Life | undefined;
  slot: number | undefined;
  /** What comes next, when by the monotonic clock, and in which state that was decided. */
  next: { from: StageFrom; stage: ChosenStage; atMs: number } | undefined;
  timer: Timer | undefined;
  writing: boolean;
  removed: boolean;
}

const NO_PROBES: StatusProbes = { liveness: () => 'success', startup: () => 'success', readiness: () => 'success' };

const revisionOf = (pod: corev1.Pod) => Number(pod.metadata!.resourceVersion);
const isTerminal = (pod: corev1.Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const gateStates = (pod: corev1.Pod) =>
  (pod.spec?.readinessGates ?? []).every(({ conditionType }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True'),
  );
const isReady = (pod: corev1.Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** Running, but what was reported does not fit the pod as it is now. */
function isOutdated(pod: corev1.Pod): boolean {
  const seen = pod.status?.observedGeneration;
  return (seen !== undefined && seen !== pod.metadata!.generation) || gateStates(pod) !== isReady(pod);
}

export interface PodPlayerOptions {
  client: Client;
  runtime: Runtime;
  stages: readonly PodStage[];
}

export class PodPlayer {
  readonly #options: PodPlayerOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #entries = new Map<string, Entry>();
  /** Entries whose turn it is, in order. */
  readonly #due = new Set<Entry>();
  #writes = 0;
  #stopped = false;
  #drained: (() => void) | undefined;

  constructor(options: PodPlayerOptions) {
    this.#options = options;
  }

  addNode(name: string, index: number): void {
    this.#rooms.set(name, { index, taken: new Set(), next: 0 });
  }

  removeNode(name: string): void {
    this.#rooms.delete(name);
    for (const entry of [...this.#entries.values()]) if (entry.pod.spec!.nodeName === name) this.#forget(entry);
  }

  seen(pod: corev1.Pod): void {
    const room = this.#rooms.get(pod.spec?.nodeName ?? '');
    if (!room || this.#stopped) return;
    const known = this.#entries.get(pod.metadata!.uid!);
    const entry = known ?? this.#adopt(pod, room);
    // The answer to a write of our own is newer than what the cache tells.
    if (revisionOf(pod) >= revisionOf(entry.pod)) entry.pod = pod;
    this.#consider(entry);
  }

  gone(pod: corev1.Pod): void {
    const entry = this.#entries.get(pod.metadata!.uid!);
    if (entry) this.#forget(entry);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#due.clear();
    if (this.#writes > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  #adopt(pod: corev1.Pod, room: Room): Entry {
    const life = lifeOf(pod);
    const slot = life?.address ? slotOf(room.index, life.address) : undefined;
    if (slot !== undefined) room.taken.add(slot);
    const entry: Entry = { pod, room, life, slot, next: undefined, timer: undefined, writing: false, removed: false };
    this.#entries.set(pod.metadata!.uid!, entry);
    return entry;
  }

  #forget(entry: Entry): void {
    entry.timer?.cancel();
    this.#due.delete(entry);
    this.#entries.delete(entry.pod.metadata!.uid!);
    if (entry.slot !== undefined) entry.room.taken.delete(entry.slot);
  }

  #stateOf(entry: Entry): StageFrom | undefined {
    const { pod } = entry;
    if (pod.metadata!.deletionTimestamp) return entry.removed ? undefined : 'Deleting';
    if (isTerminal(pod)) return undefined;
    return entry.life ? 'Running' : 'Pending';
  }

  /** Sets the timer or takes the entry into the queue; an entry that is being written comes again afterwards. */
  #consider(entry: Entry): void {
    if (entry.writing || this.#stopped) return;
    const from = this.#stateOf(entry);
    if (!from) {
      this.#cancel(entry);
      return;
    }
    const { clock, random } = this.#options.runtime;
    if (entry.next?.from !== from) {
      this.#cancel(entry);
      const stage = chooseStage(this.#options.stages, entry.pod, from, () => random.number());
      // Wall times say how long it has run before we knew it; from here on the monotonic clock counts.
      const passedMs = from === 'Running' ? Math.max(0, clock.now() - entry.life!.startedMs) : 0;
      if (stage) entry.next = { from, stage, atMs: clock.monotonicMs() + Math.max(0, stage.afterMs - passedMs) };
    }
    const waitMs = from === 'Running' && isOutdated(entry.pod) ? 0 : entry.next && entry.next.atMs - clock.monotonicMs();
    if (waitMs === undefined) return;
    if (waitMs <= 0) {
      this.#queue(entry);
      return;
    }
    entry.timer ??= clock.after(waitMs, () => {
      entry.timer = undefined;
      this.#queue(entry);
    });
  }

  #cancel(entry: Entry): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    entry.next = undefined;
  }

  #queue(entry: Entry): void {
    this.#due.add(entry);
    this.#pump();
  }

  #pump(): void {
    for (const entry of this.#due) {
      if (this.#writes >= WRITES_AT_ONCE_MAX) return;
      this.#due.delete(entry);
      this.#writes++;
      entry.writing = true;
      void this.#write(entry).finally(() => {
        this.#writes--;
        entry.writing = false;
        if (this.#stopped) {
          if (this.#writes === 0) this.#drained?.();
          return;
        }
        if (this.#entries.get(entry.pod.metadata!.uid!) === entry) this.#consider(entry);
        this.#pump();
      });
    }
  }

  async #write(entry: Entry): Promise<void> {
    const before = entry.pod;
    try {
      await this.#step(entry);
    } catch (error) {
      // A newer pod is on its way through the cache, or here already; a pod that is gone needs nothing.
      if (isNotFound(error) || (isConflict(error) && entry.pod !== before)) return;
      if (!isConflict(error))
        this.#options.runtime.log.warning('writing a simulated pod failed', { pod: before.metadata!.name, error: String(error) });
      if (!this.#stopped) await this.#options.runtime.clock.sleep(RETRY_MS);
    }
  }

  /** One write. Everything that follows from it is considered again afterwards. */
  async #step(entry: Entry): Promise<void> {
    const { next } = entry;
    const nowMs = this.#options.runtime.clock.now();
    if (this.#stateOf(entry) !== (next?.from ?? 'Running')) return;
    if (!next || next.atMs > this.#options.runtime.clock.monotonicMs()) return this.#report(entry, entry.life!);
    if (next.from === 'Deleting') return this.#end(entry, nowMs);
    if (next.from === 'Pending') {
      await this.#report(entry, { startedMs: nowMs, restarts: 0, address: this.#address(entry) });
      return;
    }
    const { exitCode } = next.stage;
    const { spec } = entry.pod;
    const restarts = spec!.containers.some((container) => restartsAfterExit(container, spec!, exitCode));
    const life = restarts
      ? { ...entry.life!, startedMs: nowMs, restarts: entry.life!.restarts + 1 }
      : { ...entry.life!, ended: { atMs: nowMs, exitCode } };
    entry.next = undefined;
    await this.#report(entry, life);
  }

  async #end(entry: Entry, nowMs: number): Promise<void> {
    const { pod } = entry;
    const { name, namespace, uid } = pod.metadata!;
    if (!isTerminal(pod) && entry.life) {
      await this.#report(entry, { ...entry.life, ended: { atMs: nowMs, exitCode: KILLED_EXIT_CODE } });
    }
    await this.#options.client.of(corev1.pods).delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
    entry.removed = true;
  }

  async #report(entry: Entry, life: Life): Promise<void> {
    const { pod, room } = entry;
    const status = podStatus({
      pod,
      runtime: simulatedRuntime(pod, life),
      old: pod.status ?? {},
      failures: new Map(),
      probes: NO_PROBES,
      hostIp: nodeAddress(room.index),
      now: timeText(this.#options.runtime.clock.now()),
      isTerminal: life.ended !== undefined,
    });
    const { nominatedNodeName: _, ...kept } = pod.status ?? {};
    const written = await this.#options.client.of(corev1.pods).updateStatus({ ...pod, status: { ...kept, ...status } });
    entry.life = life;
    if (revisionOf(written) >= revisionOf(entry.pod)) entry.pod = written;
  }

  #address(entry: Entry): string | undefined {
    if (isHostNetwork(entry.pod)) return undefined;
    const { room } = entry;
    for (let tries = 0; entry.slot === undefined && tries < ADDRESSES_PER_NODE; tries++) {
      const slot = room.next++ % ADDRESSES_PER_NODE;
      if (room.taken.has(slot)) continue;
      room.taken.add(slot);
      entry.slot = slot;
    }
    return entry.slot === undefined ? undefined : podAddress(room.index, entry.slot);
  }
}
