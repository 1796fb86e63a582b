// The pods that wait: ready to be tried, backing off, or until something changes that may help them
// (pkg/scheduler/backend/queue/scheduling_queue.go). A step function of calls and times; it owns no timer.
import type { corev1 } from '@tiphys/api';
import { Heap } from '@tiphys/std';
import type { ClusterEvent } from './framework.ts';
import { podKey } from './world.ts';

const BACKOFF_MS_MIN = 1000;
const BACKOFF_MS_MAX = 10_000;
/** A pod that nothing helped is tried again after so long all the same. */
export const UNSCHEDULABLE_MS_MAX = 300_000;

export interface QueuedPod {
  key: string;
  pod: corev1.Pod;
  attempts: number;
  queuedMs: number;
  /** When it was last found unschedulable. */
  refusedMs: number;
  /** Events worth a new try, from the plugins that refused. */
  wakesOn: ReadonlySet<ClusterEvent>;
}

const backoffMs = (attempts: number) => Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.max(0, attempts - 1));
const readyAtMs = (queued: QueuedPod) => queued.refusedMs + backoffMs(queued.attempts);
const priorityOf = (queued: QueuedPod) => queued.pod.spec?.priority ?? 0;

export class SchedulingQueue {
  readonly #active = new Heap<QueuedPod>(
    (queued) => queued.key,
    (a, b) => priorityOf(a) > priorityOf(b) || (priorityOf(a) === priorityOf(b) && a.queuedMs < b.queuedMs),
  );
  readonly #backingOff = new Heap<QueuedPod>(
    (queued) => queued.key,
    (a, b) => readyAtMs(a) < readyAtMs(b),
  );
  readonly #unschedulable = new Map<string, QueuedPod>();
  /** Events that came while a pod was being tried: it may have been judged on an older world. */
  #eventsSince = new Map<string, Set<ClusterEvent>>();

  get size(): number {
    return this.#active.size + this.#backingOff.size + this.#unschedulable.size;
  }

  /** A new pod, or a changed one: a change of the pod itself may make it schedulable. */
  put(pod: corev1.Pod, nowMs: number): void {
    const key = podKey(pod);
    const known = this.#active.get(key) ?? this.#backingOff.get(key) ?? this.#unschedulable.get(key);
    const queued: QueuedPod = known ? { ...known, pod } : { key, pod, attempts: 0, queuedMs: nowMs, refusedMs: 0, wakesOn: new Set() };
    if (this.#backingOff.get(key)) this.#backingOff.put(queued);
    else if (this.#unschedulable.delete(key)) this.#requeue(queued, nowMs);
    else this.#active.put(queued);
  }

  remove(key: string): void {
    this.#active.remove(key);
    this.#backingOff.remove(key);
    this.#unschedulable.delete(key);
    this.#eventsSince.delete(key);
  }

  /** The pod to try next; while it is tried, events are remembered for it. */
  pop(): QueuedPod | undefined {
    const queued = this.#active.pop();
    if (!queued) return undefined;
    this.#eventsSince.set(queued.key, new Set());
    return { ...queued, attempts: queued.attempts + 1 };
  }

  /** The popped pod found its place. */
  done(key: string): void {
    this.#eventsSince.delete(key);
  }

  /** The popped pod found none. It waits for one of the events, or backs off at once when one came meanwhile. */
  refused(queued: QueuedPod, wakesOn: ReadonlySet<ClusterEvent>, nowMs: number): void {
    const since = this.#eventsSince.get(queued.key);
    if (!since) return;
    this.#eventsSince.delete(queued.key);
    const waiting = { ...queued, wakesOn, refusedMs: nowMs };
    if ([...since].some((event) => wakesOn.has(event))) this.#backingOff.put(waiting);
    else this.#unschedulable.set(queued.key, waiting);
  }

  /** Trying failed for a reason outside the cluster's state: again after the back-off. */
  failed(queued: QueuedPod, nowMs: number): void {
    if (!this.#eventsSince.delete(queued.key)) return;
    this.#backingOff.put({ ...queued, refusedMs: nowMs });
  }

  happened(event: ClusterEvent, nowMs: number): void {
    for (const since of this.#eventsSince.values()) since.add(event);
    for (const queued of [...this.#unschedulable.values()]) {
      if (!queued.wakesOn.has(event)) continue;
      this.#unschedulable.delete(queued.key);
      this.#requeue(queued, nowMs);
    }
  }

  /** Moves what is due to the active queue. */
  flush(nowMs: number): void {
    for (let first = this.#backingOff.peek(); first && readyAtMs(first) <= nowMs; first = this.#backingOff.peek()) {
      this.#backingOff.pop();
      this.#active.put(first);
    }
    for (const queued of [...this.#unschedulable.values()]) {
      if (nowMs - queued.refusedMs < UNSCHEDULABLE_MS_MAX) continue;
      this.#unschedulable.delete(queued.key);
      this.#active.put(queued);
    }
  }

  /** When flush() has something to do next. */
  nextFlushMs(): number | undefined {
    const times = [...this.#unschedulable.values()].map((queued) => queued.refusedMs + UNSCHEDULABLE_MS_MAX);
    const first = this.#backingOff.peek();
    if (first) times.push(readyAtMs(first));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #requeue(queued: QueuedPod, nowMs: number): void {
    if (readyAtMs(queued) > nowMs) this.#backingOff.put(queued);
    else this.#active.put(queued);
  }
}
