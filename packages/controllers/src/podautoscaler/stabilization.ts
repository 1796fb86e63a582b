// Keeps recommendations from flapping: windows over what was recommended, limits on how fast, and the bounds of the spec
// (horizontal.go normalizeDesiredReplicas and what it calls). Pure: memories go in and come out.
import type { autoscalingv2 } from '@tiphys/api';
import { INT32_MAX } from './numbers.ts';

export type Rules = autoscalingv2.HPAScalingRules;

export interface Recommendation {
  replicas: number;
  atMs: number;
}

export interface ScaleEvent {
  /** Never negative. */
  change: number;
  atMs: number;
}

/** What an autoscaler remembers, lost with the program as upstream's. */
export interface Memory {
  recommendations: readonly Recommendation[];
  ups: readonly ScaleEvent[];
  downs: readonly ScaleEvent[];
}

export const NO_MEMORY: Memory = { recommendations: [], ups: [], downs: [] };

export interface Limited {
  replicas: number;
  reason: string;
  message: string;
}

interface Bounds {
  current: number;
  desired: number;
  min: number;
  max: number;
}

export const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

const TOO_FAST_UP = 'the desired replica count is increasing faster than the maximum scale rate';
const TOO_FAST_DOWN = 'the desired replica count is decreasing faster than the maximum scale rate';
const TOO_MANY = 'the desired replica count is more than the maximum replica count';
const TOO_FEW = 'the desired replica count is less than the minimum replica count';

const inRange = (replicas: number): Limited => ({
  replicas,
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
});

/** The last old one gives its place to the new one, so that memories don't grow. */
function replaced<T>(list: readonly T[], isOld: (entry: T) => boolean, entry: T): readonly T[] {
  const at = list.findLastIndex(isOld);
  return at < 0 ? [...list, entry] : list.with(at, entry);
}

/** The largest recommendation in the window; for autoscalers without behaviour. */
export function stabilized(memory: Memory, desired: number, windowMs: number, nowMs: number): { replicas: number; memory: Memory } {
  const isOld = ({ atMs }: Recommendation) => atMs < nowMs - windowMs;
  const recent = memory.recommendations.filter((each) => !isOld(each)).map(({ replicas }) => replicas);
  const recommendations = replaced(memory.recommendations, isOld, { replicas: desired, atMs: nowMs });
  return { replicas: Math.max(desired, ...recent), memory: { ...memory, recommendations } };
}

export interface Behavior {
  scaleUp: Rules;
  scaleDown: Rules;
}

/** Between the lowest recommendation of the window for growing and the highest of that for shrinking. */
export function stabilizedByRules(
  memory: Memory,
  behavior: Behavior,
  { current, desired }: Pick<Bounds, 'current' | 'desired'>,
  nowMs: number,
): Limited & { memory: Memory } {
  const upFromMs = nowMs - (behavior.scaleUp.stabilizationWindowSeconds ?? 0) * 1000;
  const downFromMs = nowMs - (behavior.scaleDown.stabilizationWindowSeconds ?? 0) * 1000;
  let lowest = desired;
  let highest = desired;
  for (const { replicas, atMs } of memory.recommendations) {
    if (atMs > upFromMs) lowest = Math.min(lowest, replicas);
    if (atMs > downFromMs) highest = Math.max(highest, replicas);
  }
  const isOld = ({ atMs }: Recommendation) => atMs < upFromMs && atMs < downFromMs;
  const recommendations = replaced(memory.recommendations, isOld, { replicas: desired, atMs: nowMs });
  const text =
    desired >= current
      ? {
          reason: 'ScaleUpStabilized',
          message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
        }
      : {
          reason: 'ScaleDownStabilized',
          message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
        };
  return { replicas: Math.min(Math.max(current, lowest), highest), ...text, memory: { ...memory, recommendations } };
}

const changeWithin = (seconds: number, events: readonly ScaleEvent[], nowMs: number) =>
  events.reduce((sum, { change, atMs }) => (atMs > nowMs - seconds * 1000 ? sum + change : sum), 0);

type Propose = (policy: autoscalingv2.HPAScalingPolicy, start: number) => number;

/** What each policy allows from where its period began; the selected one of them. */
function limitOf(rules: Rules, current: number, memory: Memory, nowMs: number, propose: Propose, towards: 1 | -1): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const allowed = (rules.policies ?? []).map((policy) => {
    const added = changeWithin(policy.periodSeconds, memory.ups, nowMs);
    const removed = changeWithin(policy.periodSeconds, memory.downs, nowMs);
    return propose(policy, current - added + removed);
  });
  const wantsLargest = (rules.selectPolicy === 'Min') !== (towards === 1);
  return wantsLargest ? Math.max(-INT32_MAX - 1, ...allowed) : Math.min(INT32_MAX, ...allowed);
}

export const scaleUpLimit = (current: number, memory: Memory, rules: Rules, nowMs: number): number =>
  // Rounded up, or a small target would never grow by percents.
  limitOf(
    rules,
    current,
    memory,
    nowMs,
    ({ type, value }, start) => (type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))),
    1,
  );

export const scaleDownLimit = (current: number, memory: Memory, rules: Rules, nowMs: number): number =>
  limitOf(
    rules,
    current,
    memory,
    nowMs,
    ({ type, value }, start) => (type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100))),
    -1,
  );

/** The bounds of the spec and the speed that the policies allow. */
export function limitedByRules(memory: Memory, behavior: Behavior, { current, desired, min, max }: Bounds, nowMs: number): Limited {
  if (desired > current) {
    const fastest = Math.max(current, scaleUpLimit(current, memory, behavior.scaleUp, nowMs));
    const limit: Limited =
      max > fastest
        ? { replicas: fastest, reason: 'ScaleUpLimit', message: TOO_FAST_UP }
        : { replicas: max, reason: 'TooManyReplicas', message: TOO_MANY };
    if (desired > limit.replicas) return limit;
  } else if (desired < current) {
    const fastest = Math.min(current, scaleDownLimit(current, memory, behavior.scaleDown, nowMs));
    const limit: Limited =
      min < fastest
        ? { replicas: fastest, reason: 'ScaleDownLimit', message: TOO_FAST_DOWN }
        : { replicas: min, reason: 'TooFewReplicas', message: TOO_FEW };
    if (desired < limit.replicas) return limit;
  }
  return inRange(desired);
}

/** The bounds of the spec, and at most twice as many at once; for autoscalers without behaviour. */
export function limited({ current, desired, min, max }: Bounds, factor = SCALE_UP_FACTOR): Limited {
  const fastest = Math.max(factor * current, SCALE_UP_MINIMUM);
  if (desired < min) return { replicas: min, reason: 'TooFewReplicas', message: TOO_FEW };
  if (max > fastest) return desired > fastest ? { replicas: fastest, reason: 'ScaleUpLimit', message: TOO_FAST_UP } : inRange(desired);
  return desired > max ? { replicas: max, reason: 'TooManyReplicas', message: TOO_MANY } : inRange(desired);
}

/** Remembers a change for as long as some policy looks back. */
export function remembered(memory: Memory, behavior: Behavior | undefined, from: number, to: number, nowMs: number): Memory {
  if (!behavior) return memory;
  const direction = to > from ? 'ups' : 'downs';
  const { policies = [] } = to > from ? behavior.scaleUp : behavior.scaleDown;
  const longestMs = Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds)) * 1000;
  const event = { change: Math.abs(to - from), atMs: nowMs };
  return { ...memory, [direction]: replaced(memory[direction], ({ atMs }) => atMs < nowMs - longestMs, event) };
}
