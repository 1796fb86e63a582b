// Upstream's tables as facts (horizontal_test.go, replica_calculator_test.go of v1.36.3): sizes, usages and reasons.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { autoscalingv2, corev1 } from '@tiphys/api';
import { milliText } from './numbers.ts';
import { groupPods, type PodMetric, requestsOf } from './pod-groups.ts';
import { averageReplicas, perPodReplicas, resourceReplicas, type Situation, summed, valueReplicas } from './replica-calculator.ts';
import {
  limited,
  limitedByRules,
  NO_MEMORY,
  remembered,
  scaleDownLimit,
  scaleUpLimit,
  stabilized,
  stabilizedByRules,
} from './stabilization.ts';
import { goTime, podsOf, rulesOf } from './testing.ts';
import cases from './upstream-cases.json' with { type: 'json' };

const NOW_MS = Date.UTC(2026, 0, 1);
const DELAYS = { cpuInitializationMs: 120_000, initialReadinessMs: 10_000 };
const WINDOW_MS = 60_000;

interface CalculatorCase {
  name: string;
  kind: string;
  current: number;
  replicas?: number;
  error?: string;
  resource?: string;
  container?: string;
  levels: (number | string | (number | string)[])[];
  podNames?: string[];
  target: number | string;
  percent?: number;
  usage?: number | string;
  tolerances?: Situation['tolerances'];
}

const metric = (value: bigint): PodMetric => ({ atMs: goTime(null), windowMs: WINDOW_MS, value });

function metricsOf({ levels, podNames, container = '' }: CalculatorCase): Map<string, PodMetric> {
  return new Map(
    levels.map((level, at) => {
      const values = Array.isArray(level) ? level.map(BigInt) : [BigInt(level)];
      const value = container === 'container2' ? values[1] : container === 'container1' ? values[0] : values.reduce((a, b) => a + b);
      return [podNames?.[at] ?? `test-pod-${at}`, metric(value!)];
    }),
  );
}

function calculated(one: CalculatorCase): { replicas: number; usage: bigint; percent?: number } {
  const count = one.current;
  const pods = podsOf({ ...one, count }, NOW_MS);
  const tolerances = one.tolerances ?? { scaleDown: 0.1, scaleUp: 0.1 };
  const situation: Situation = { pods, tolerances, delays: DELAYS, nowMs: NOW_MS };
  const target = BigInt(one.target);
  const values = () => one.levels.map((level) => BigInt(level as number));
  if (one.kind === 'resource') {
    const wanted = { resource: one.resource!, container: one.container ?? '', utilization: Number(one.target) };
    return resourceReplicas(metricsOf(one), one.current, wanted, situation);
  }
  if (one.kind === 'pods') return averageReplicas(metricsOf(one), one.current, target, situation);
  if (one.kind === 'object') return valueReplicas(values()[0]!, one.current, target, situation);
  if (one.kind === 'external') return valueReplicas(summed(values()), one.current, target, situation);
  return perPodReplicas(summed(values()), one.current, target, tolerances);
}

test(`replicas for usages: ${cases.calculator.length} cases`, async (t) => {
  for (const one of cases.calculator as unknown as CalculatorCase[]) {
    await t.test(one.name, () => {
      if (one.error !== undefined) {
        assert.throws(
          () => calculated(one),
          (error: Error) => error.message.includes(one.error!) || assert.fail(error.message),
        );
        return;
      }
      const { replicas, usage, percent } = calculated(one);
      const found = { replicas, usage: String(usage), percent };
      assert.deepEqual(found, { replicas: one.replicas, usage: String(one.usage), percent: one.percent });
    });
  }
});

const at = (ago: number | null) => NOW_MS - (ago ?? 0) * 1000;

test(`limits by rules: ${cases.rules.length} cases`, () => {
  for (const one of cases.rules as any[]) {
    const memory = {
      recommendations: [],
      ups: one.ups.map(({ change, ago }: any) => ({ change, atMs: at(ago) })),
      downs: one.downs.map(({ change, ago }: any) => ({ change, atMs: at(ago) })),
    };
    const bounds = { current: one.current, desired: one.wanted, min: one.min, max: one.max };
    const { replicas, reason } = limitedByRules(memory, rulesOf(one.scaleUp, one.scaleDown), bounds, NOW_MS);
    assert.deepEqual({ replicas, reason }, { replicas: one.replicas, reason: one.reason }, JSON.stringify(one));
  }
});

test('limits without rules, and the smaller of two policies: 7 cases', () => {
  const of = (current: number, desired: number, min: number, max: number) => {
    const { replicas, reason } = limited({ current, desired, min, max });
    return `${replicas} ${reason}`;
  };
  assert.equal(of(5, 7, 3, 8), '7 DesiredWithinRange');
  assert.equal(of(3, 1, 2, 8), '2 TooFewReplicas');
  assert.equal(of(1, 0, 0, 10), '0 DesiredWithinRange');
  assert.equal(of(20, 1000, 1, 10), '10 TooManyReplicas');
  assert.equal(of(3, 1000, 1, 2000), '6 ScaleUpLimit');
  const policies = [
    { type: 'Pods', value: 2, periodSeconds: 60 },
    { type: 'Percent', value: 50, periodSeconds: 60 },
  ];
  const rules: autoscalingv2.HPAScalingRules = { selectPolicy: 'Min', policies };
  assert.equal(scaleUpLimit(1, NO_MEMORY, rules, NOW_MS), 2);
  assert.equal(scaleDownLimit(5, NO_MEMORY, rules, NOW_MS), 3);
});

test(`remembered changes: ${cases.events.length} cases, up and down`, () => {
  for (const one of cases.events as any[]) {
    const events = one.before.map(({ change, ago }: any) => ({ change, atMs: at(ago) }));
    const memory = { recommendations: [], ups: events, downs: events };
    const behavior = one.rules ? { scaleUp: one.rules, scaleDown: one.rules } : undefined;
    const expected = behavior ? one.after : events.map(({ change }: any) => change);
    const up = remembered(memory, behavior, 10, 10 + one.change, NOW_MS).ups.map(({ change }) => change);
    const down = remembered(memory, behavior, 10, 10 - one.change, NOW_MS).downs.map(({ change }) => change);
    assert.deepEqual([up, down], [expected, expected], JSON.stringify(one));
  }
});

const memoryOf = (list: any[]) => ({ ...NO_MEMORY, recommendations: list.map(({ replicas, ago }) => ({ replicas, atMs: at(ago) })) });

test(`windows: ${cases.windows.length + cases.windowsByRules.length} cases`, () => {
  for (const one of cases.windows as any[]) {
    const { replicas, memory } = stabilized(memoryOf(one.recommendations), one.wanted, 300_000, NOW_MS);
    assert.deepEqual([replicas, memory.recommendations.length], [one.replicas, one.entries], JSON.stringify(one));
  }
  for (const one of cases.windowsByRules as any[]) {
    const behavior = { scaleUp: { stabilizationWindowSeconds: one.up }, scaleDown: { stabilizationWindowSeconds: one.down } };
    const sizes = { current: one.current, desired: one.wanted };
    const { replicas, memory } = stabilizedByRules(memoryOf(one.recommendations), behavior, sizes, NOW_MS);
    assert.equal(replicas, one.replicas, JSON.stringify(one));
    if (one.after)
      assert.deepEqual(
        memory.recommendations.map((each) => each.replicas),
        one.after,
        JSON.stringify(one),
      );
  }
});

test(`which pods count: ${cases.groups.length} cases`, () => {
  for (const one of cases.groups as any[]) {
    const pods = one.pods.map((pod: any) => ({
      metadata: { name: pod.name, ...(pod.deleting ? { deletionTimestamp: new Date(NOW_MS).toISOString() } : {}) },
      status: {
        phase: pod.phase,
        ...('startedAgo' in pod ? { startTime: new Date(at(pod.startedAgo)).toISOString() } : {}),
        conditions: (pod.ready ?? []).map(({ type, status, ago }: any) => ({
          type,
          status,
          lastTransitionTime: new Date(ago === null ? goTime(null) : at(ago)).toISOString(),
        })),
      },
    }));
    const metrics = new Map<string, PodMetric>(
      Object.entries(one.metrics as Record<string, any>).map(([name, { ago, value, windowSeconds }]) => [
        name,
        { atMs: ago === null ? goTime(null) : at(ago), windowMs: windowSeconds * 1000, value: BigInt(value) },
      ]),
    );
    const delays = { cpuInitializationMs: 120_000, initialReadinessMs: 10_000 };
    const { ready, unready, missing, ignored } = groupPods(pods, metrics, one.resource, delays, NOW_MS);
    const found = { ready, unready: [...unready].sort(), missing: [...missing].sort(), ignored: [...ignored].sort() };
    assert.deepEqual(found, { ready: one.ready, unready: one.unready, missing: one.missing, ignored: one.ignored }, JSON.stringify(one));
  }
});

test(`requests and quantities: ${cases.requests.length + cases.quantities.length} cases`, () => {
  for (const one of cases.requests as any[]) {
    const of = () =>
      Object.fromEntries([...requestsOf(one.pods as corev1.Pod[], one.container, one.resource)].map(([k, v]) => [k, Number(v)]));
    if (one.error) assert.throws(of, { message: one.error });
    else assert.deepEqual(of(), one.requests, JSON.stringify(one));
  }
  for (const { resource, milli, text } of cases.quantities) assert.equal(milliText(BigInt(milli), resource === 'memory'), text);
});
