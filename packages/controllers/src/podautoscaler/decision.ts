// From measurements to a size: the order of horizontal.go reconcileAutoscaler, without its requests. Pure.
import { type LabelSelector, parseLabelSelector } from '@tiphys/machinery';
import { behaviorOf, type Draft, minReplicasOf, removeCondition, setCondition, statusOf, warn } from './draft.ts';
import { computeReplicas, type Measured, type Proposals, type Scale } from './proposals.ts';
import { type Limited, limited, limitedByRules, type Memory, stabilized, stabilizedByRules } from './stabilization.ts';

/** Sizes that need no metrics: none at all, or outside the spec's bounds. */
export interface Given {
  desired: number;
  /** '' when the target is to stay as it is. */
  reason: string;
}

export interface Decision extends Given {
  memory: Memory;
  proposals?: Proposals;
}

export function withoutMetrics(draft: Draft, current: number): Given | undefined {
  const { maxReplicas = 0 } = draft.hpa.spec ?? {};
  if (current === 0) {
    const message = 'scaling is disabled since the replica count of the target is zero';
    setCondition(draft, 'ScalingActive', 'False', 'ScalingDisabled', message);
    removeCondition(draft, 'ScaledToZero');
    return { desired: 0, reason: '' };
  }
  if (current > maxReplicas) return { desired: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
  const min = minReplicasOf(draft.hpa);
  return current < min ? { desired: min, reason: 'Current number of replicas below Spec.MinReplicas' } : undefined;
}

/** The selector of the target's pods; an error is also in the conditions and events. */
export function targetSelector(draft: Draft, { selector }: Scale): LabelSelector | Error {
  if (selector === '') {
    const message = 'selector is required';
    warn(draft, 'SelectorRequired', message);
    setCondition(draft, 'ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector");
    return new Error(message);
  }
  try {
    return parseLabelSelector(selector);
  } catch (error) {
    const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
    warn(draft, 'InvalidSelector', message);
    setCondition(draft, 'ScalingActive', 'False', 'InvalidSelector', message);
    return new Error(message);
  }
}

/** Two autoscalers that pull at the same pods both stop. `rivals`: names of all that select them, this one included. */
export function ambiguity(draft: Draft, { selector }: Scale, rivals: readonly string[]): Error | undefined {
  if (rivals.length <= 1) return undefined;
  const shown = rivals.map((name) => `{${name} ${draft.hpa.metadata?.namespace}}`).join(' ');
  const message = `pods by selector ${selector} are controlled by multiple HPAs: [${shown}]`;
  warn(draft, 'AmbiguousSelector', message);
  setCondition(draft, 'ScalingActive', 'False', 'AmbiguousSelector', message);
  return new Error(message);
}

function normalized(draft: Draft, memory: Memory, current: number, wanted: number): { replicas: number; memory: Memory } {
  const { nowMs, options } = draft;
  const bounds = { current, min: minReplicasOf(draft.hpa), max: draft.hpa.spec?.maxReplicas ?? 0 };
  const behavior = behaviorOf(draft);
  let stable: { replicas: number; memory: Memory };
  let limit: Limited;
  let moved = {
    reason: 'ScaleDownStabilized',
    message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
  };
  if (behavior) {
    const byRules = stabilizedByRules(memory, behavior, { current, desired: wanted }, nowMs);
    moved = byRules;
    stable = byRules;
    limit = limitedByRules(stable.memory, behavior, { ...bounds, desired: stable.replicas }, nowMs);
  } else {
    stable = stabilized(memory, wanted, options.downscaleStabilizationMs, nowMs);
    limit = limited({ ...bounds, desired: stable.replicas }, options.scaleUpFactor);
  }
  const ready = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
  const { reason, message } = stable.replicas === wanted ? ready : moved;
  setCondition(draft, 'AbleToScale', 'True', reason, message);
  setCondition(draft, 'ScalingLimited', limit.replicas === stable.replicas ? 'False' : 'True', limit.reason, limit.message);
  return { replicas: limit.replicas, memory: stable.memory };
}

/** By the metrics. `proposals.replicas` is undefined when they say nothing; then the target stays. */
export function byMetrics(draft: Draft, measured: Measured, memory: Memory): Decision {
  const current = measured.scale.specReplicas;
  const proposals = computeReplicas(draft, measured);
  if (proposals.replicas === undefined) return { desired: current, reason: '', memory, proposals };
  const wanted = Math.max(0, proposals.replicas);
  const { replicas, memory: next } = normalized(draft, memory, current, wanted);
  const reason = wanted > current ? `${proposals.metric} above target` : wanted < current ? 'All metrics below target' : '';
  return { desired: replicas, reason, memory: next, proposals };
}

/** What the turn leaves behind when the target's size is settled. */
export const settled = (draft: Draft, current: number, desired: number, proposals: Proposals | undefined, rescaled: boolean) =>
  statusOf(draft, { current, desired, metrics: proposals?.statuses ?? [], rescaled });

/** The same when nothing could be decided: the desired size stays as it was shown. */
export const unsettled = (draft: Draft, current: number, proposals: Proposals | undefined) =>
  settled(draft, current, draft.hpa.status?.desiredReplicas ?? 0, proposals, false);
