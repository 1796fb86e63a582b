// The end of pods that must make room, beside the scheduling of others (framework/preemption/executor.go, KEP-4832). A pod whose victims
// are being told is not tried meanwhile; one that is being bound is sent back instead of being ended.
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Preemption } from '../preempt.ts';
import type { PodInfo } from '../world/infos.ts';
import { asEventObject, type Services } from './refusal.ts';

type Pod = corev1.Pod;

export interface EvictionServices extends Services {
  /** What the cache has under the name. */
  podOf(name: string, namespace: string): Pod | undefined;
  /** Sends a pod back whose binding has not gone out yet; false when there is none of that uid. */
  sendBack(uid: string): boolean;
}

/** Victims that are being told: `last` is the one that is left once the others are. */
export interface UnderWay {
  last?: Pod;
}

/** Once the last victim is seen to go there is nothing to wait for, even if the answer has not come yet. */
export function holdsBack(underWay: UnderWay | undefined, podOf: EvictionServices['podOf']): boolean {
  if (!underWay?.last) return underWay !== undefined;
  const { name, namespace } = underWay.last.metadata!;
  const victim = podOf(name!, namespace!);
  return victim !== undefined && !victim.metadata?.deletionTimestamp;
}

function targetCondition({ metadata, status }: Pod, schedulerName: string, nowMs: number): corev1.PodCondition | undefined {
  const known = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  const next: corev1.PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    observedGeneration: metadata!.generation,
    reason: 'PreemptionByScheduler',
    message: `${schedulerName}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: known?.status === 'True' && known.lastTransitionTime ? known.lastTransitionTime : timeText(nowMs),
  };
  const isSame = (['status', 'observedGeneration', 'reason', 'message'] as const).every((field) => known?.[field] === next[field]);
  return isSame ? undefined : next;
}

export class Evictions {
  readonly #services: EvictionServices;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(services: EvictionServices) {
    this.#services = services;
  }

  /** Whether victims of the pod with that uid are being told. */
  holdsBack(uid: string): boolean {
    return this.#underWay.size > 0 && holdsBack(this.#underWay.get(uid), this.#services.podOf);
  }

  /**
   * Ends the victims side by side, but the last one only when all others are told: who then sees it go need not wait for the answer.
   * Those that are gone or going already are as good. Rejects with the first failure.
   */
  async run(pod: Pod, { victims, nodeName }: Preemption, schedulerName: string): Promise<void> {
    const left = victims.filter((victim) => !victim.pod.metadata!.deletionTimestamp);
    const last = left.at(-1);
    if (!last) return;
    const uid = pod.metadata!.uid!;
    const evict = (victim: PodInfo) => this.#evict(pod, victim.pod, nodeName, schedulerName);
    this.#underWay.set(uid, {});
    try {
      const told = await Promise.allSettled(left.slice(0, -1).map(evict));
      const failed = told.find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      this.#underWay.set(uid, { last: last.pod });
      await evict(last);
    } finally {
      this.#underWay.delete(uid);
    }
  }

  async #evict(pod: Pod, victim: Pod, nodeName: string, schedulerName: string): Promise<void> {
    const { client, runtime, recorder, sendBack } = this.#services;
    const { name, namespace, uid } = victim.metadata!;
    let note = `Preempted by pod ${pod.metadata!.uid} on node ${nodeName}`;
    if (sendBack(uid!)) note += ' (in kube-scheduler memory).';
    else {
      const pods = client.of(corev1.pods);
      const condition = targetCondition(victim, schedulerName, runtime.clock.now());
      try {
        if (condition) await pods.patch(name!, namespace, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
        await pods.delete(name!, namespace, { preconditions: { uid } });
      } catch (error) {
        // Gone, or another pod under the same name.
        if (isNotFound(error) || isConflict(error)) return;
        throw error;
      }
    }
    recorder.event(asEventObject(victim), 'Normal', 'Preempted', note, { action: 'Preempting', related: asEventObject(pod) });
  }
}
