// A ReplicaSet never makes more pods than it was asked for: it knows what it made, however late its cache hears of it
// (pkg/controller/controller_utils.go: expectations).
import type { appsv1, corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import { isTerminal, ownerOf } from '../pods.ts';
import type { Story } from '../story.ts';
import type { Truth } from '../truth.ts';
import { STALE_MS_MAX } from './staleness.ts';

const PODS = '/registry/pods/';
const SETS = '/registry/replicasets/';

/**
 * A pod that was made though its maker was told that it failed, or was killed before it was told, is not known to have been made: upstream
 * takes its expectation back, too.
 */
function losesAnswers({ steps }: Story, nowMs: number): boolean {
  return steps.some(({ atMs, action }) => {
    const until = (forMs: number) => atMs <= nowMs && nowMs <= atMs + forMs + STALE_MS_MAX;
    if (action.do === 'restart server') return until(0);
    if (action.do === 'restart') return action.part === 'controllers' && until(action.downMs);
    if (action.do !== 'fault' || action.fault.part !== 'controllers') return false;
    return (action.fault.kind === 'lose-answers' || action.fault.kind === 'lose-lease') && until(action.forMs);
  });
}

export function replicasAreBounded(truth: Truth, story: Story, clock: Clock): void {
  /** How many each set was asked for, and when the answer changed, by uid. */
  const asked = new Map<string, { replicas: number; sinceMs: number }[]>();
  truth.onEvent(({ key, old, new: now }) => {
    const nowMs = clock.monotonicMs();
    if (key.startsWith(SETS) && now) {
      const replicas = (now as appsv1.ReplicaSet).spec?.replicas ?? 1;
      const wishes = asked.get(now.metadata!.uid!) ?? [];
      if (wishes.at(-1)?.replicas !== replicas) asked.set(now.metadata!.uid!, [...wishes, { replicas, sinceMs: nowMs }]);
    }
    const owner = now && ownerOf(now);
    if (!key.startsWith(PODS) || old || owner?.kind !== 'ReplicaSet' || losesAnswers(story, nowMs)) return;
    const wishes = asked.get(owner.uid) ?? [];
    // One that was taken back a moment ago the controller may not have heard of.
    const allowed = Math.max(
      ...wishes.filter((_, i) => nowMs - (wishes[i + 1]?.sinceMs ?? nowMs) <= STALE_MS_MAX).map((wish) => wish.replicas),
    );
    const active = truth
      .all<corev1.Pod>('pods')
      .filter((pod) => ownerOf(pod)?.uid === owner.uid && !pod.metadata!.deletionTimestamp && !isTerminal(pod)).length;
    if (active > allowed) throw new Broken(`${owner.name} has ${active} pods since ${key}, and was asked for ${allowed}`);
  });
}
