// Waiting for the cluster to come to something, by watching and never by asking again and again.
import type { KubeObject } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import type { Informer } from './client.ts';

export class WaitTimeout extends Error {
  override name = 'WaitTimeout';
}

export interface WaitOptions {
  clock: Clock;
  timeoutMs?: number;
  signal?: AbortSignal;
  namespace?: string;
}

/** Resolves to the cache's objects once the condition holds for them. Rejects with WaitTimeout, or the signal's reason. */
export function waitForAll<T extends KubeObject>(
  informer: Informer<T>,
  condition: (objects: readonly T[]) => boolean,
  { clock, timeoutMs, signal, namespace }: WaitOptions,
): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined;
    let settled = false;
    const settle = (conclude: () => void) => {
      if (settled) return;
      settled = true;
      timer?.cancel();
      signal?.removeEventListener('abort', onAbort);
      stop?.();
      conclude();
    };
    const check = () => {
      if (settled) return;
      const objects = informer.list(namespace);
      if (condition(objects)) settle(() => resolve(objects));
    };
    const onAbort = () => settle(() => reject(signal?.reason));
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () => settle(() => reject(new WaitTimeout('timed out waiting for the condition'))));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    informer.synced().then(() => {
      if (settled) return;
      stop = informer.subscribe({ updated: check, deleted: check, added: check });
      if (settled) stop();
      else check();
    }, reject);
  });
}

/** The same for one object; undefined while it is not there. */
export async function waitFor<T extends KubeObject>(
  informer: Informer<T>,
  name: string,
  condition: (object: T | undefined) => boolean,
  options: WaitOptions,
): Promise<T | undefined> {
  await waitForAll(informer, () => condition(informer.get(name, options.namespace)), options);
  return informer.get(name, options.namespace);
}
