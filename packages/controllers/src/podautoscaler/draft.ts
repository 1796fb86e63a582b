// One autoscaler's turn in the making: its conditions as they become and its events, in upstream's order.
import { type autoscalingv2, parseQuantity, timeText } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import type { EventText } from '../runtime/actions.ts';
import { DEFAULT_DELAYS, type Delays } from './pod-groups.ts';
import type { Tolerances } from './replica-calculator.ts';
import { type Behavior, SCALE_UP_FACTOR } from './stabilization.ts';

export type Autoscaler = autoscalingv2.HorizontalPodAutoscaler;
export type Condition = autoscalingv2.HorizontalPodAutoscalerCondition;

/** Flags of kube-controller-manager, with its defaults. */
export interface AutoscalerOptions {
  /** --horizontal-pod-autoscaler-sync-period */
  syncMs: number;
  /** --horizontal-pod-autoscaler-downscale-stabilization */
  downscaleStabilizationMs: number;
  /** --horizontal-pod-autoscaler-tolerance */
  tolerance: number;
  /** --horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay */
  delays: Delays;
  /** How many times as many replicas at once, where no behaviour says otherwise. */
  scaleUpFactor: number;
}

export const DEFAULT_OPTIONS: AutoscalerOptions = {
  syncMs: 15_000,
  downscaleStabilizationMs: 300_000,
  tolerance: 0.1,
  delays: DEFAULT_DELAYS,
  scaleUpFactor: SCALE_UP_FACTOR,
};

export interface Draft {
  hpa: Autoscaler;
  conditions: readonly Condition[];
  events: EventText[];
  nowMs: number;
  options: AutoscalerOptions;
  /** Replicas before and after, once the turn has come so far. */
  current: number;
  desired: number;
  settled: boolean;
}

export const draftOf = (hpa: Autoscaler, nowMs: number, options: AutoscalerOptions): Draft => ({
  hpa,
  conditions: hpa.status?.conditions ?? [],
  events: [],
  nowMs,
  options,
  current: 0,
  desired: 0,
  settled: false,
});

/** Stays at its place; the time changes with the status only. */
export function setCondition(draft: Draft, type: string, status: 'True' | 'False', reason: string, message: string): void {
  const old = draft.conditions.find((condition) => condition.type === type);
  const since = old?.status === status ? old.lastTransitionTime : timeText(draft.nowMs);
  const next: Condition = { type, status, ...(since ? { lastTransitionTime: since } : {}), reason, message };
  draft.conditions = old ? draft.conditions.map((each) => (each === old ? next : each)) : [...draft.conditions, next];
}

export function removeCondition(draft: Draft, type: string): void {
  draft.conditions = draft.conditions.filter((condition) => condition.type !== type);
}

export const warn = (draft: Draft, reason: string, message: string): void => void draft.events.push({ type: 'Warning', reason, message });

export const minReplicasOf = (hpa: Autoscaler): number => hpa.spec?.minReplicas ?? 1;

/** With both directions, as defaulting leaves it; the window for shrinking is the program's when the spec has none. */
export function behaviorOf({ hpa, options }: Draft): Behavior | undefined {
  const behavior = hpa.spec?.behavior;
  if (!behavior) return undefined;
  const { scaleUp = {}, scaleDown = {} } = behavior;
  const stabilizationWindowSeconds = scaleDown.stabilizationWindowSeconds ?? options.downscaleStabilizationMs / 1000;
  return { scaleUp, scaleDown: { ...scaleDown, stabilizationWindowSeconds } };
}

export function tolerancesOf({ hpa, options: { tolerance } }: Draft): Tolerances {
  const of = (rules: autoscalingv2.HPAScalingRules | undefined) =>
    rules?.tolerance === undefined ? tolerance : parseQuantity(rules.tolerance).asFloat();
  return { scaleDown: of(hpa.spec?.behavior?.scaleDown), scaleUp: of(hpa.spec?.behavior?.scaleUp) };
}

export interface Outcome {
  current: number;
  desired: number;
  metrics: readonly autoscalingv2.MetricStatus[];
  rescaled: boolean;
}

/** The status to write; undefined when nothing differs from what is there. Without an outcome the counts stay. */
export function statusOf({ hpa, conditions, nowMs }: Draft, outcome?: Outcome): autoscalingv2.HorizontalPodAutoscalerStatus | undefined {
  const old = hpa.status;
  const counts = outcome
    ? {
        ...(outcome.current === 0 ? {} : { currentReplicas: outcome.current }),
        desiredReplicas: outcome.desired,
        currentMetrics: outcome.metrics.length > 0 ? [...outcome.metrics] : null,
      }
    : { ...old, desiredReplicas: old?.desiredReplicas ?? 0 };
  const scaleTime = outcome?.rescaled ? timeText(nowMs) : old?.lastScaleTime;
  const status = { ...counts, ...(scaleTime ? { lastScaleTime: scaleTime } : {}), conditions: [...conditions] };
  return semanticEqual(old, status) ? undefined : status;
}
