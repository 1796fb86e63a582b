// Since when what is observed of an object is as it is, by the own monotonic clock: clocks of different machines need not agree
// (node_lifecycle_controller.go probeTimestamp).
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Caches } from './caches.ts';
import type { Observed } from './controller.ts';
import { sameType, uidOf } from './objects.ts';

interface Seen {
  value: string | undefined;
  sinceMs: number;
}

export interface Observations {
  unchangedMs(type: ResourceType, object: KubeObject): number;
  stop(): void;
}

export function observe(observed: readonly Observed[], caches: Caches, monotonicMs: () => number): Observations {
  const followed = observed.map(({ type, value }) => {
    const seen = new Map<string, Seen>();
    const look = (object: KubeObject) => {
      const now = value(object);
      const known = seen.get(uidOf(object));
      if (!known || known.value !== now) seen.set(uidOf(object), { value: now, sinceMs: monotonicMs() });
    };
    const stop = caches
      .use<KubeObject>(type)
      .subscribe({ added: look, updated: look, deleted: (object) => void seen.delete(uidOf(object)) });
    return { type, seen, stop };
  });
  return {
    unchangedMs(type, object) {
      const since = followed.find((one) => sameType(one.type, type))?.seen.get(uidOf(object));
      return since ? monotonicMs() - since.sinceMs : 0;
    },
    stop: () => {
      for (const { stop } of followed) stop();
    },
  };
}
