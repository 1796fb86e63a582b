// Where pods are: bound once, to nodes that there are and that have room for them.
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import { amount, nameOf, requestedOn } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';
const NODES = '/registry/minions/';
/** The scheduler may hear so late that a node is gone; after that it has no excuse. */
const STALE_MS_MAX = 120_000;

export function placementHolds(truth: Truth, clock: Clock): void {
  const goneMs = new Map<string, number>();
  truth.onEvent(({ key, old, new: now }) => {
    if (key.startsWith(NODES)) {
      const name = key.slice(NODES.length);
      if (now) goneMs.delete(name);
      else goneMs.set(name, clock.monotonicMs());
    }
    if (!key.startsWith(PODS) || !now) return;
    const [before, after] = [(old as corev1.Pod | undefined)?.spec?.nodeName, (now as corev1.Pod).spec?.nodeName];
    if (before && before !== after) throw new Broken(`${key} moved from ${before} to ${after}`);
    if (!after || before) return;
    const node = truth.all<corev1.Node>('minions').find((each) => nameOf(each) === after);
    if (!node) {
      const sinceMs = goneMs.get(after);
      if (sinceMs === undefined) throw new Broken(`${key} was bound to ${after}, which never was`);
      if (clock.monotonicMs() - sinceMs > STALE_MS_MAX) throw new Broken(`${key} was bound to ${after}, which is long gone`);
      return;
    }
    const [asked, there] = [requestedOn(truth, after), amount(node.status?.allocatable?.cpu)];
    if (asked > there) throw new Broken(`the pods on ${after} ask for ${asked} CPUs of ${there} since ${key} came`);
  });
}
