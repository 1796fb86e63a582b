// Where pods are: bound once, to nodes that there are and that have room for them. The server asks nobody whether there is the node
// (pkg/registry/core/pod/storage/storage.go BindingREST.Create, assignPod), and the scheduler knows what its informers told it: a pod may be bound
// to a node that went a moment ago, and the pod garbage collector takes it away.
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import { amount, nameOf, requestedOn } from '../pods.ts';
import type { Truth } from '../truth.ts';
import { STALE_MS_MAX } from './staleness.ts';

const PODS = '/registry/pods/';
const NODES = '/registry/minions/';

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
