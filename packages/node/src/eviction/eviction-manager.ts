// Keeps the node alive when it runs out of something: looks at what is left, says so, frees what nobody needs, and ends one pod at a
// time (pkg/kubelet/eviction/eviction_manager.go). Decisions are those of the pure files beside it.
import type { corev1 } from '@tiphys/api';
import type { NodeContext } from '../pod-worker/node-context.ts';
import { hasDiskLimit, outgrownLimit } from './local-storage.ts';
import { measureDisk, measurePods, observeNode } from './measure.ts';
import { pressuresAt, pressuresSeen, type Seen } from './pressure.ts';
import { evictionMessage, rankedForEviction } from './ranking.ts';
import { type Observations, type Pressure, SIGNALS, type Threshold, thresholdsMet } from './signals.ts';

/** A pod that runs here. */
export interface Evictable {
  readonly pod: corev1.Pod;
  readonly phase: 'syncing' | 'terminating' | 'terminated';
  /** Whether it is one that may be ended. */
  evict(message: string, isDisruption?: boolean): boolean;
}

export interface EvictionOptions {
  context: NodeContext;
  thresholds: readonly Threshold[];
  pods: () => readonly Evictable[];
  /** Removes images that nobody uses. */
  removeImages: () => Promise<unknown>;
  observe?: (directory: string) => Promise<Observations>;
}

/** How long a pod that was told to go is waited for before another one is. */
const CLEANUP_MS_MAX = 30_000;

export class EvictionManager {
  readonly #options: EvictionOptions;
  #seen: Seen = new Map();
  #leaving: { pod: Evictable; sinceMs: number } | undefined;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  pressures(): Pressure[] {
    return pressuresAt(this.#seen, this.#options.context.runtime.clock.now());
  }

  /** One look at node and pods, with what follows from it. */
  async synchronize(): Promise<void> {
    const { context, thresholds, observe = observeNode } = this.#options;
    const nowMs = context.runtime.clock.now();
    if (this.#leaving && this.#leaving.pod.phase !== 'terminated' && nowMs - this.#leaving.sinceMs < CLEANUP_MS_MAX) return;
    this.#leaving = undefined;
    const observations = await observe(context.directory);
    const met = thresholdsMet(thresholds, observations);
    this.#seen = pressuresSeen(this.#seen, met, nowMs);
    if (await this.#enforceLimits()) return;
    const [first] = met;
    if (first) await this.#relieve(first, met, observations);
  }

  #running(): Evictable[] {
    return this.#options.pods().filter(({ phase }) => phase === 'syncing');
  }

  /** Ends pods that have outgrown their own limits; answers whether there were any. */
  async #enforceLimits(): Promise<boolean> {
    let any = false;
    for (const running of this.#running()) {
      if (!hasDiskLimit(running.pod)) continue;
      const message = outgrownLimit(running.pod, await measureDisk(this.#options.context, running.pod));
      if (message !== undefined && running.evict(message)) any = true;
    }
    return any;
  }

  async #relieve(first: Threshold, met: readonly Threshold[], observations: Observations): Promise<void> {
    const { context, thresholds, removeImages, observe = observeNode } = this.#options;
    const { resource, pressure } = SIGNALS[first.signal];
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: context.nodeName, uid: context.nodeName } };
    context.events.event(node, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (pressure === 'DiskPressure') {
      await removeImages();
      if (thresholdsMet(thresholds, await observe(context.directory)).length === 0) return;
    }
    const running = this.#running();
    const pods = running.map(({ pod }) => pod);
    const uses = await measurePods(context, pods, resource);
    for (const pod of rankedForEviction(pods, uses, resource)) {
      const chosen = running.find((one) => one.pod === pod)!;
      const message = evictionMessage(pod, uses.get(pod.metadata!.uid!), resource, met, observations);
      if (!chosen.evict(message, true)) continue;
      this.#leaving = { pod: chosen, sinceMs: context.runtime.clock.now() };
      return;
    }
    context.runtime.log.warning('the node is short of something and no pod may be ended', { resource });
  }
}
