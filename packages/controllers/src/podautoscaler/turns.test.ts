// Whole turns of an autoscaler by upstream's tables (horizontal_test.go of v1.36.3): the size, the conditions and the usage shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { autoscalingv2 } from '@tiphys/api';
import { parseLabelSelector } from '@tiphys/machinery';
import { DEFAULT_OPTIONS } from './draft.ts';
import { podAutoscalerController, type Remembered } from './podautoscaler-controller.ts';
import { NAMESPACE, NOW_MS, podsOf, rulesOf, SELECTOR, type TurnCase, turnContext } from './testing.ts';
import cases from './upstream-cases.json' with { type: 'json' };

interface Case extends TurnCase {
  name: string;
  min: number;
  max: number;
  desired: number;
  cpuTarget?: number;
  cpuCurrent?: number;
  metrics?: autoscalingv2.MetricSpec[];
  conditions?: string[];
  /** Conditions before the turn. */
  initial?: string[];
  /** Action and error, as upstream counts the turn. */
  counted?: string;
  recommendations?: { replicas: number; ago: number }[];
  scaleUp?: autoscalingv2.HPAScalingRules;
  scaleDown?: autoscalingv2.HPAScalingRules;
}

const NAME = 'test-hpa';
const OPTIONS = { ...DEFAULT_OPTIONS, scaleUpFactor: 8, delays: { cpuInitializationMs: 120_000, initialReadinessMs: 10_000 } };
const GOOD = ['AbleToScale=True SucceededRescale', 'ScalingActive=True ValidMetricFound', 'ScalingLimited=False DesiredWithinRange'];

/** What the tests change about their servers, which is code there and not a table. */
const PECULIAR: Record<string, Partial<Case>> = {
  'condition invalid selector missing': { selector: '' },
  'condition invalid selector unparsable': { selector: 'cheddar cheese' },
  'condition failed get scale': { failing: ['scale'] },
  'condition failed update scale': { failing: ['resize'] },
  'condition failed get metrics': { failing: ['metrics', 'custom', 'external'] },
  'hpa rescale with successful conflict retry': { failing: ['conflict'] },
  'scale up one metric empty': { failing: ['external'] },
  'no scale down one metric empty': { failing: ['external'] },
};

/** As in `AbleToScale=True SucceededRescale`. */
function conditionOf(text: string): autoscalingv2.HorizontalPodAutoscalerCondition {
  const [, type = '', status = '', reason = ''] = /^(\w+)=(\w+) (\w+)$/.exec(text) ?? [];
  return { type, status, reason };
}

function hpaOf(one: Case): autoscalingv2.HorizontalPodAutoscaler {
  const cpu = { name: 'cpu', target: { type: 'Utilization', averageUtilization: one.cpuTarget! } };
  const metrics = [...(one.cpuTarget ? [{ type: 'Resource', resource: cpu }] : []), ...(one.metrics ?? [])];
  const bare = { type: 'Resource', resource: { name: 'cpu', target: { type: '' } } };
  return {
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      scaleTargetRef: one.target ?? { kind: 'ReplicationController', name: 'test-rc', apiVersion: 'v1' },
      minReplicas: one.min,
      maxReplicas: one.max,
      metrics: metrics.length > 0 ? metrics : [bare],
      ...(one.scaleUp || one.scaleDown ? { behavior: rulesOf(one.scaleUp, one.scaleDown) } : {}),
    },
    status: { currentReplicas: one.spec, desiredReplicas: one.spec, ...(one.initial ? { conditions: one.initial.map(conditionOf) } : {}) },
  };
}

async function turn(one: Case) {
  const known = new Map<string, Remembered>();
  const recommendations = one.recommendations?.map(({ replicas, ago }) => ({ replicas, atMs: NOW_MS - ago * 1000 }));
  known.set(`${NAMESPACE}/${NAME}`, { dueMs: 0, ...(recommendations ? { memory: { recommendations, ups: [], downs: [] } } : {}) });
  if (one.name.startsWith('condition ambiguous')) {
    known.set(`${NAMESPACE}/test-hpa-2`, { dueMs: 0, selector: parseLabelSelector(SELECTOR) });
  }
  const pods = podsOf({ ...one, count: one.requests ? 0 : one.status, halves: true }, NOW_MS);
  const { context, written } = turnContext(one, pods);
  const controller = podAutoscalerController(OPTIONS, known);
  await controller.reconcile!({ namespace: NAMESPACE, name: NAME }, hpaOf(one), context);
  const lines: string[] = [];
  for (const family of controller.metrics ?? []) family.write(lines);
  const [, action, error] = /reconciliations_total\{action="(\w+)",error="(\w+)"\} 1/.exec(lines.join('\n')) ?? [];
  return { ...written, counted: `${action}/${error}` };
}

const utilization = (status: autoscalingv2.HorizontalPodAutoscalerStatus | undefined) =>
  status?.currentMetrics?.find(({ resource }) => resource?.name === 'cpu')?.resource?.current.averageUtilization;

const sum = (list: readonly (string | number)[]) =>
  list.reduce<number>(
    (total, each) => total + (typeof each === 'number' ? each : each.endsWith('m') ? Number.parseInt(each, 10) : Number(each) * 1000),
    0,
  );

test(`turns: ${cases.turns.length} cases`, async (t) => {
  for (const row of cases.turns as unknown as Case[]) {
    const one = { ...row, ...PECULIAR[row.name] };
    await t.test(one.name, async () => {
      const { replicas, status, events, counted } = await turn(one);
      assert.equal(replicas ?? one.spec, one.failing?.includes('resize') ? one.spec : one.desired, JSON.stringify(events));
      assert.equal(status?.desiredReplicas, one.desired);
      if (one.counted !== undefined) assert.equal(counted, one.counted);
      assert.deepEqual(
        status?.conditions?.map((c) => `${c.type}=${c.status} ${c.reason}`),
        one.conditions ?? GOOD,
      );
      if (one.cpuCurrent === undefined) return;
      assert.equal(utilization(status), one.cpuCurrent || Math.trunc((100 * sum(one.levels!)) / sum(one.requests!)));
    });
  }
});
