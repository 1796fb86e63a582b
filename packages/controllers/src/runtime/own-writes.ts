// Read your own writes: a key is not planned again before the caches show what its last plan did. This takes the place of
// upstream's expectations (pkg/controller/controller_utils.go).
import type { KubeObject } from '@tiphys/api';
import type { Informer } from '@tiphys/client';
import { isDeleting, nameOf, namespaceOf, uidOf } from './objects.ts';

interface Pending {
  /** Newest revision written, by informer. */
  revisions: Map<Informer<any>, number>;
  deletions: Promise<void>[];
}

export interface OwnWrites {
  wrote(key: string, informer: Informer<any>, result: KubeObject): void;
  deleted(key: string, informer: Informer<any>, object: KubeObject): void;
  /** Resolves when the caches show everything noted for the key; undefined when nothing is. */
  seen(key: string): Promise<void> | undefined;
}

/** The cache shows the object's deletion: gone, replaced, or marked. */
function showsDeletion(informer: Informer<any>, object: KubeObject): boolean {
  const cached = informer.get(nameOf(object), namespaceOf(object));
  return !cached || uidOf(cached) !== uidOf(object) || isDeleting(cached);
}

/** Each informer gets one handler, however many deletions wait. */
function deletionWaiter(informer: Informer<any>) {
  const waiting = new Map<string, { object: KubeObject; resolve: () => void }>();
  const check = (changed: KubeObject) => {
    const entry = waiting.get(uidOf(changed));
    if (!entry || !showsDeletion(informer, entry.object)) return;
    waiting.delete(uidOf(changed));
    entry.resolve();
  };
  informer.subscribe({ updated: check, deleted: check });
  return (object: KubeObject) =>
    new Promise<void>((resolve) => {
      waiting.get(uidOf(object))?.resolve();
      waiting.set(uidOf(object), { object, resolve });
    });
}

export function ownWrites(): OwnWrites {
  const keys = new Map<string, Pending>();
  const waiters = new Map<Informer<any>, (object: KubeObject) => Promise<void>>();
  const of = (key: string) => {
    const known = keys.get(key);
    if (known) return known;
    const pending: Pending = { revisions: new Map(), deletions: [] };
    keys.set(key, pending);
    return pending;
  };
  return {
    wrote: (key, informer, result) => {
      const revision = Number(result.metadata?.resourceVersion);
      const { revisions } = of(key);
      if (revision > (revisions.get(informer) ?? 0)) revisions.set(informer, revision);
    },
    deleted: (key, informer, object) => {
      if (showsDeletion(informer, object)) return;
      let wait = waiters.get(informer);
      if (!wait) {
        wait = deletionWaiter(informer);
        waiters.set(informer, wait);
      }
      of(key).deletions.push(wait(object));
    },
    seen: (key) => {
      const pending = keys.get(key);
      if (!pending) return undefined;
      keys.delete(key);
      const written = [...pending.revisions].map(([informer, revision]) => informer.reached(String(revision)));
      return Promise.all([...written, ...pending.deletions]).then(() => undefined);
    },
  };
}
