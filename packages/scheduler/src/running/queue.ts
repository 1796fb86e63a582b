// The pods that wait: ready to be tried, backing off, or until something changes that may help them
// (pkg/scheduler/backend/queue/scheduling_queue.go). A step function of calls and monotonic times; it owns no timer.
import type { corev1 } from '@tiphys/api';
import { Heap } from '@tiphys/std';
import { type ClusterEvent, type Happening, type Hints, helps } from '../framework/events.ts';
import { podKey } from '../world/infos.ts';

export interface BackoffOptions {
  initialMs: number;
  maxMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 1000, maxMs: 10_000 };
/** A pod that nothing helped is tried again after so long all the same. */
export const UNSCHEDULABLE_MS_MAX = 300_000;

export interface QueuedPod {
  key: string;
  pod: corev1.Pod;
  priority: number;
  attempts: number;
  queuedMs: number;
  /** When it was last found unschedulable, or trying failed. */
  refusedMs: number;
  /** Trying failed for a reason outside the cluster's state. */
  failed: boolean;
  /** May not be tried at all for now. */
  gated: boolean;
  /** Of the plugins that refused: what is worth a new try. */
  hints: readonly Hints[];
}

/** What a pod that may not be tried at all waits for; undefined when it may be. */
export type Gate = (pod: corev1.Pod) => Hints | undefined;

export class SchedulingQueue {
  readonly #backoff: BackoffOptions;
  readonly #gate: Gate;
  readonly #active = new Heap<QueuedPod>(
    (queued) => queued.key,
    (a, b) => a.priority > b.priority || (a.priority === b.priority && a.queuedMs < b.queuedMs),
  );
  readonly #backingOff: Heap<QueuedPod>;
  readonly #unschedulable = new Map<string, QueuedPod>();
  /** Event → keys of unschedulable pods that it may help. */
  readonly #waiting = new Map<ClusterEvent, Set<string>>();

  constructor(backoff: BackoffOptions = DEFAULT_BACKOFF, gate: Gate = () => undefined) {
    this.#backoff = backoff;
    this.#gate = gate;
    this.#backingOff = new Heap<QueuedPod>(
      (queued) => queued.key,
      (a, b) => this.#readyAtMs(a) < this.#readyAtMs(b),
    );
  }

  get size(): number {
    return this.#active.size + this.#backingOff.size + this.#unschedulable.size;
  }

  /** By upstream's names; counted when somebody asks. */
  get sizes(): { active: number; backoff: number; unschedulable: number; gated: number } {
    const gated = this.#unschedulable.values().reduce((sum, queued) => sum + (queued.gated ? 1 : 0), 0);
    return { active: this.#active.size, backoff: this.#backingOff.size, unschedulable: this.#unschedulable.size - gated, gated };
  }

  isGated(key: string): boolean {
    return this.#unschedulable.get(key)?.gated ?? false;
  }

  /** A new pod, or a changed one: a change of the pod itself may make it schedulable. */
  put(pod: corev1.Pod, nowMs: number): void {
    const key = podKey(pod);
    const known = this.#active.get(key) ?? this.#backingOff.get(key) ?? this.#unschedulable.get(key);
    const priority = pod.spec?.priority ?? 0;
    const fresh = { key, pod, priority, attempts: 0, queuedMs: nowMs, refusedMs: 0, failed: false, gated: false, hints: [] };
    const queued: QueuedPod = known ? { ...known, pod, priority } : fresh;
    if (this.#backingOff.get(key)) this.#backingOff.put(queued);
    else if (this.#forget(key)) this.#requeue(queued, nowMs);
    else this.#activate(queued, nowMs);
  }

  /** The pod as it is now, in a way that does not help it: it stays where it is. */
  refresh(pod: corev1.Pod): void {
    const key = podKey(pod);
    const waiting = this.#unschedulable.get(key);
    if (waiting) this.#unschedulable.set(key, { ...waiting, pod });
    for (const heap of [this.#active, this.#backingOff]) {
      const queued = heap.get(key);
      if (queued) heap.put({ ...queued, pod });
    }
  }

  remove(key: string): void {
    this.#active.remove(key);
    this.#backingOff.remove(key);
    this.#forget(key);
  }

  /** The pod to try next. With nothing else to do, one whose back-off is not over yet, unless trying it failed. */
  pop(nowMs: number): QueuedPod | undefined {
    for (let early = this.#backingOff.peek(); this.#active.size === 0 && early && !early.failed; early = this.#backingOff.peek()) {
      this.#backingOff.pop();
      this.#activate(early, nowMs);
    }
    const queued = this.#active.pop();
    return queued && { ...queued, attempts: queued.attempts + 1 };
  }

  /** The popped pod found no place. It waits for what may help. */
  refused(queued: QueuedPod, hints: readonly Hints[], nowMs: number): void {
    this.#wait({ ...queued, hints, refusedMs: nowMs, failed: false, gated: false });
  }

  #wait(queued: QueuedPod): void {
    this.#unschedulable.set(queued.key, queued);
    for (const each of queued.hints) {
      for (const event of Object.keys(each) as ClusterEvent[]) {
        const keys = this.#waiting.get(event) ?? new Set();
        this.#waiting.set(event, keys.add(queued.key));
      }
    }
  }

  /** Trying failed for a reason outside the cluster's state: again after the back-off. */
  failed(queued: QueuedPod, nowMs: number): void {
    this.#backingOff.put({ ...queued, refusedMs: nowMs, failed: true });
  }

  /** To be tried next, without waiting for anything. */
  activate(key: string, nowMs: number): void {
    const queued = this.#backingOff.get(key) ?? this.#unschedulable.get(key);
    if (!queued) return;
    this.remove(key);
    this.#activate(queued, nowMs);
  }

  /** True when some pod may be tried again. */
  happened(happening: Happening, nowMs: number): boolean {
    let any = false;
    for (const key of [...(this.#waiting.get(happening.event) ?? [])]) {
      const queued = this.#unschedulable.get(key)!;
      if (!queued.hints.some((hints) => helps(hints, queued.pod, happening))) continue;
      this.#forget(key);
      this.#requeue(queued, nowMs);
      any = true;
    }
    return any;
  }

  /** Moves what is due to the active queue. */
  flush(nowMs: number): void {
    for (let first = this.#backingOff.peek(); first && this.#readyAtMs(first) <= nowMs; first = this.#backingOff.peek()) {
      this.#backingOff.pop();
      this.#activate(first, nowMs);
    }
    // In the order in which they were refused.
    for (const queued of [...this.#unschedulable.values()]) {
      if (nowMs - queued.refusedMs < UNSCHEDULABLE_MS_MAX) break;
      this.#forget(queued.key);
      this.#activate(queued, nowMs);
    }
  }

  /** When flush() has something to do next. */
  nextFlushMs(): number | undefined {
    const oldest = this.#unschedulable.values().next().value;
    const first = this.#backingOff.peek();
    const times = [...(oldest ? [oldest.refusedMs + UNSCHEDULABLE_MS_MAX] : []), ...(first ? [this.#readyAtMs(first)] : [])];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #readyAtMs({ refusedMs, attempts }: QueuedPod): number {
    const { initialMs, maxMs } = this.#backoff;
    return refusedMs + Math.min(maxMs, initialMs * 2 ** Math.max(0, attempts - 1));
  }

  /** To be tried next, unless it may not be tried at all. */
  #activate(queued: QueuedPod, nowMs: number): void {
    const hints = this.#gate(queued.pod);
    if (hints) this.#wait({ ...queued, hints: [hints], refusedMs: nowMs, gated: true });
    else this.#active.put(queued.gated ? { ...queued, gated: false } : queued);
  }

  #forget(key: string): boolean {
    const queued = this.#unschedulable.get(key);
    if (!queued) return false;
    this.#unschedulable.delete(key);
    for (const each of queued.hints) for (const event of Object.keys(each) as ClusterEvent[]) this.#waiting.get(event)?.delete(key);
    return true;
  }

  #requeue(queued: QueuedPod, nowMs: number): void {
    if (!queued.gated && this.#readyAtMs(queued) > nowMs) this.#backingOff.put(queued);
    else this.#activate(queued, nowMs);
  }
}
