// A StatefulSet in order starts each of its pods for the first time only when the one before has been ready.
import type { corev1 } from '@tiphys/api';
import { Broken } from '../broken.ts';
import { isReady } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';

export function ordinalsFollow(truth: Truth): void {
  /** `uid of the set / ordinal`. */
  const wereReady = new Set<string>();
  truth.onEvent(({ key, old, new: now }) => {
    const owner = now?.metadata?.ownerReferences?.find(({ kind }) => kind === 'StatefulSet');
    if (!key.startsWith(PODS) || !now || !owner) return;
    const ordinal = Number(key.slice(key.lastIndexOf('-') + 1));
    if (isReady(now as corev1.Pod)) wereReady.add(`${owner.uid}/${ordinal}`);
    if (!old && ordinal > 0 && !wereReady.has(`${owner.uid}/${ordinal - 1}`))
      throw new Broken(`${key} was made before its predecessor had ever been ready`);
  });
}
