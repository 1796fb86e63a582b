// Upstream's cases of reading metrics and of what an autoscaler counts as facts (metrics/client_test.go, metrics/utilization_test.go and the
// rest of horizontal_test.go and replica_calculator_test.go in pkg/controller/podautoscaler of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { autoscalingv2, corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { DEFAULT_OPTIONS } from './draft.ts';
import { type MetricsReader, readMetric } from './metrics-apis.ts';
import type { PodMetric } from './pod-groups.ts';
import { requestsOf } from './pod-groups.ts';
import { podAutoscalerController, type Remembered } from './podautoscaler-controller.ts';
import { usageRatio, utilizationOf } from './replica-calculator.ts';
import { NAMESPACE, NOW_MS, podsOf, type TurnCase, turnContext } from './testing.ts';

const minutesLater = (minutes: number) => NOW_MS + minutes * 60_000;
const namedTest = (index: number) => `test-pod-${index}`;
const milli = (level: number) => `${level}m`;

/** A server that answers each of the three metrics APIs with the items, and says where it was asked. */
function readerOf(items: readonly object[]): { reader: MetricsReader; asked: string[] } {
  const asked: string[] = [];
  const client = {
    raw: async (_method: string, path: string) => {
      asked.push(path);
      return { status: 200, body: { items } };
    },
  } as unknown as Client;
  const type = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true } as any;
  const reader = {
    ...{ client, namespace: 'test-namespace', selector: 'name=test-pod' },
    resourceOf: async () => type,
    versionOf: async () => 'v1beta2',
  };
  return { reader, asked };
}

const podItems = (pods: readonly Record<string, number>[]) =>
  pods.map((containers, index) => ({
    metadata: { name: namedTest(index) },
    timestamp: new Date(minutesLater(1)).toISOString(),
    window: '30s',
    containers: Object.entries(containers).map(([name, cpu]) => ({ name, usage: { cpu: milli(cpu), memory: '1Mi' } })),
  }));
const customItems = (points: readonly [number, number][]) =>
  points.map(([level, minutes], index) => ({
    describedObject: { name: namedTest(index) },
    timestamp: new Date(minutesLater(minutes)).toISOString(),
    value: milli(level),
  }));

const cpuOf = (container?: string): autoscalingv2.MetricSpec => {
  const target = { type: 'Utilization', averageUtilization: 50 };
  if (container) return { type: 'ContainerResource', containerResource: { name: 'cpu', container, target } };
  return { type: 'Resource', resource: { name: 'cpu', target } };
};
const selector = { matchLabels: { label: 'value' } };
const qps: autoscalingv2.MetricSpec = { type: 'Pods', pods: { metric: { name: 'qps' }, target: { type: 'AverageValue' } } };
const external: autoscalingv2.MetricSpec = {
  type: 'External',
  external: { metric: { name: 'external', selector }, target: { type: 'Value' } },
};
const queue: autoscalingv2.MetricSpec = {
  type: 'Object',
  object: {
    describedObject: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'some-dep' },
    metric: { name: 'queue-length' },
    target: { type: 'Value' },
  },
};

const SOME: Record<string, number>[] = [{ 'test-1': 100 }, { 'test-1': 300, 'test-2': 400 }, {}];
const PODS: readonly {
  name: string;
  spec: autoscalingv2.MetricSpec;
  items: object[];
  expected: Record<string, number>;
  at: number;
  windowMs: number;
}[] = [
  {
    name: 'CPU',
    spec: cpuOf(),
    items: podItems([{ test: 5000 }, { test: 5000 }, { test: 5000 }]),
    expected: { 0: 5000, 1: 5000, 2: 5000 },
    at: 1,
    windowMs: 30_000,
  },
  {
    name: "a container's CPU",
    spec: cpuOf('test-1'),
    items: podItems(Array(3).fill({ 'test-1': 5000, 'test-2': 500 })),
    expected: { 0: 5000, 1: 5000, 2: 5000 },
    at: 1,
    windowMs: 30_000,
  },
  {
    name: 'a metric',
    spec: qps,
    items: customItems([
      [10000, 1],
      [20000, 1],
      [10000, 1],
    ]),
    expected: { 0: 10000, 1: 20000, 2: 10000 },
    at: 1,
    windowMs: 60_000,
  },
  {
    name: 'a metric of nothing',
    spec: qps,
    items: customItems([
      [0, 0],
      [0, 0],
      [0, 0],
    ]),
    expected: { 0: 0, 1: 0, 2: 0 },
    at: 0,
    windowMs: 60_000,
  },
  { name: 'no CPU of one pod', spec: cpuOf(), items: podItems(SOME), expected: { 0: 100, 1: 700 }, at: 1, windowMs: 30_000 },
  {
    name: "no CPU of one pod's container",
    spec: cpuOf('test-1'),
    items: podItems(SOME),
    expected: { 0: 100, 1: 300 },
    at: 1,
    windowMs: 30_000,
  },
  { name: 'a container that one pod has', spec: cpuOf('test-2'), items: podItems(SOME), expected: { 1: 400 }, at: 1, windowMs: 30_000 },
];
test(`metrics of pods: ${PODS.length} cases`, async () => {
  for (const { name, spec, items, expected, at, windowMs } of PODS) {
    const { reader, asked } = readerOf(items);
    const reading = await readMetric(reader, spec);
    assert.ok('pods' in reading && reading.pods, name);
    const wanted = Object.entries(expected).map(([index, value]) => [
      namedTest(Number(index)),
      { atMs: minutesLater(at), windowMs, value: BigInt(value) },
    ]);
    assert.deepEqual([...reading.pods], wanted, name);
    assert.match(asked[0]!, spec === qps ? /\/pods\/\*\/qps\?labelSelector=name%3Dtest-pod$/ : /\/pods\?labelSelector=name%3Dtest-pod$/);
  }
});

test('metrics of one object and from outside: 3 cases', async () => {
  const valuesOf = async (spec: autoscalingv2.MetricSpec, points: [number, number][]) => {
    const { reader, asked } = readerOf(customItems(points));
    const reading = await readMetric(reader, spec);
    return [('values' in reading ? reading.values : undefined)?.map(Number), asked[0]!.replace(/^.*test-namespace/, '')];
  };
  assert.deepEqual(await valuesOf(queue, [[10, 1]]), [[10], '/deployments.apps/some-dep/queue-length']);
  const asked = '/external?labelSelector=label%3Dvalue';
  assert.deepEqual(
    await valuesOf(external, [
      [10000, 1],
      [20000, 1],
      [10000, 1],
    ]),
    [[10000, 20000, 10000], asked],
  );
  assert.deepEqual(
    await valuesOf(external, [
      [0, 0],
      [0, 0],
      [0, 0],
    ]),
    [[0, 0, 0], asked],
  );
});

test('no metrics: 4 cases', async () => {
  for (const [spec, api] of [
    [qps, 'custom'],
    [external, 'external'],
    [cpuOf(), 'resource'],
    [cpuOf('test-1'), 'resource'],
  ] as const) {
    const reading = await readMetric(readerOf([]).reader, spec);
    assert.ok('error' in reading && reading.error);
    assert.equal(reading.error.message, `no metrics returned from ${api} metrics API`);
  }
});

const metrics = (values: Record<string, number>) =>
  new Map(Object.entries(values).map(([name, value]): [string, PodMetric] => [name, { atMs: 0, windowMs: 0, value: BigInt(value) }]));
const requests = (values: Record<string, number>) => new Map(Object.entries(values).map(([name, value]) => [name, BigInt(value)]));
test('utilization: 5 cases', () => {
  const two = { 'test-pod-0': 50, 'test-pod-1': 76 };
  const hundred = { 'test-pod-0': 100, 'test-pod-1': 100 };
  for (const [used, asked] of [
    [two, hundred],
    [{ ...two, 'test-pod-no-request': 100 }, hundred],
    [two, { ...hundred, 'test-pod-extra-request': 500 }],
  ] as const)
    assert.deepEqual(utilizationOf(metrics(used), requests(asked), 50), { ratio: 1.26, percent: 63, average: 63n });
  assert.throws(() => utilizationOf(metrics(two), requests({}), 50), { message: 'no metrics returned matched known pods' });
  assert.deepEqual(usageRatio(metrics({ 'test-pod-0': 5000, 'test-pod-1': 10000 }), 10000n), { ratio: 0.75, average: 7500n });
});

test('a container that a pod does not have: 1 case', () => {
  const pod = { metadata: { name: 'test-pod' }, spec: { containers: [{ name: 'container1', resources: { requests: { cpu: '100m' } } }] } };
  const of = () => requestsOf([pod as corev1.Pod], 'non-existent-container', 'cpu');
  assert.throws(of, { message: 'container non-existent-container not found in Pod test-pod' });
});

interface Turn extends TurnCase {
  min: number;
  max: number;
  cpuTarget: number;
  lastScaleMinutes?: number;
  recommendations?: number[];
}

function hpaOf(name: string, { min, max, cpuTarget, spec }: Turn, status: object = {}): autoscalingv2.HorizontalPodAutoscaler {
  const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuTarget } };
  return {
    metadata: { name, namespace: NAMESPACE },
    spec: {
      scaleTargetRef: { kind: 'ReplicationController', name: 'test-rc', apiVersion: 'v1' },
      ...{ minReplicas: min, maxReplicas: max, metrics: [{ type: 'Resource', resource }] },
    },
    status: { currentReplicas: spec, desiredReplicas: spec, ...status } as autoscalingv2.HorizontalPodAutoscalerStatus,
  };
}

const OPTIONS = { ...DEFAULT_OPTIONS, delays: { cpuInitializationMs: 120_000, initialReadinessMs: 10_000 } };

/** An autoscaler whose turn is due, and what it counts. */
function autoscalerOf(one: Turn) {
  const known = new Map<string, Remembered>();
  const controller = podAutoscalerController(OPTIONS, known);
  const { context, written } = turnContext(one, podsOf({ ...one, halves: true }, NOW_MS));
  return {
    written,
    turn: async (hpa: autoscalingv2.HorizontalPodAutoscaler) => {
      const name = hpa.metadata!.name!;
      const key = `${NAMESPACE}/${name}`;
      const memory = { recommendations: (one.recommendations ?? []).map((replicas) => ({ replicas, atMs: NOW_MS })), ups: [], downs: [] };
      known.set(key, { ...(one.recommendations ? { memory } : {}), ...known.get(key), dueMs: 0 });
      await controller.reconcile!({ namespace: NAMESPACE, name }, hpa, context);
    },
    forget: async (name: string) => controller.reconcile!({ namespace: NAMESPACE, name }, undefined, context),
    counted: () => {
      const lines: string[] = [];
      for (const family of controller.metrics ?? []) family.write(lines);
      return lines;
    },
  };
}

const PREFIX = 'horizontal_pod_autoscaler_controller';
const CPUS = ['1', '1', '1'];

test('nothing is written when nothing changed: 1 case', async () => {
  const startedAgo = [600, 0, 0];
  const one: Turn = {
    min: 2,
    max: 6,
    spec: 2,
    status: 2,
    cpuTarget: 80,
    levels: [400, 500, 700],
    requests: CPUS,
    startedAgo,
    recommendations: [],
  };
  const { turn, written } = autoscalerOf(one);
  await turn(hpaOf('test-hpa', one));
  const { status } = written;
  assert.deepEqual(
    status?.conditions?.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`),
    ['AbleToScale=True ReadyForNewScale', 'ScalingActive=True ValidMetricFound', 'ScalingLimited=True TooFewReplicas'],
  );
  delete written.status;
  await turn(hpaOf('test-hpa', one, status));
  assert.equal(written.status, undefined);
});

test('how long turns take is counted: 2 cases', async () => {
  const good: Turn = { min: 2, max: 6, spec: 3, status: 3, cpuTarget: 30, levels: [300, 500, 700], requests: CPUS };
  for (const [one, labels] of [
    [good, 'action="scale_up",error="none"'],
    [{ ...good, spec: 4, status: 4, cpuTarget: 100, levels: [], requests: [...CPUS, '1'] }, 'action="none",error="internal"'],
  ] as const) {
    const { turn, counted } = autoscalerOf(one);
    await turn(hpaOf('test-hpa', one));
    assert.ok(counted().includes(`${PREFIX}_reconciliation_duration_seconds_count{${labels}} 1`));
  }
});

test('every turn is counted, and each of its metrics: 1 case', async () => {
  const one: Turn = { min: 1, max: 5, spec: 3, status: 3, cpuTarget: 100, levels: [1010, 1030, 1020], requests: ['900m', '1', '1100m'] };
  const { turn, counted } = autoscalerOf(one);
  for (let count = 0; count < 3; count++) await turn(hpaOf('test-hpa', one));
  const lines = counted();
  assert.ok(lines.includes(`${PREFIX}_reconciliations_total{action="none",error="none"} 3`));
  assert.ok(lines.includes(`${PREFIX}_metric_computation_total{action="none",error="none",metric_type="Resource"} 3`));
});

test('autoscalers are counted: 2 cases', async () => {
  const one: Turn = { min: 1, max: 5, spec: 3, status: 3, cpuTarget: 100, levels: [1000, 1000, 1000], requests: CPUS };
  const { turn, forget, counted } = autoscalerOf(one);
  const COUNT = 1000;
  for (let index = 0; index < COUNT; index++) await turn(hpaOf(`dummy-hpa-${index}`, one));
  const known = () => counted().filter((line) => line.startsWith(`${PREFIX}_num_horizontal_pod_autoscalers`));
  assert.deepEqual(known(), [`${PREFIX}_num_horizontal_pod_autoscalers ${COUNT}`]);
  await forget('dummy-hpa-0');
  assert.deepEqual(known(), [`${PREFIX}_num_horizontal_pod_autoscalers ${COUNT - 1}`]);
});
