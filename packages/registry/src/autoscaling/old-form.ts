// autoscaling/v1 as autoscaling/v2 and back: what v1 has no field for travels in annotations, in forms that nobody else uses
// (pkg/apis/autoscaling/v1/conversion.go, helpers.go).
import type { autoscalingv1, autoscalingv2 } from '@tiphys/api';

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler;
type OldAutoscaler = autoscalingv1.HorizontalPodAutoscaler;
type Plain = Record<string, any>;

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const CURRENT_METRICS = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
const BEHAVIOR = `${PREFIX}behavior`;
const OWN_ANNOTATIONS = [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR, `${PREFIX}scale-down-tolerance`, `${PREFIX}scale-up-tolerance`];
const CPU_PERCENT = 80;

/** Old field, where v2 has it below the metric, and what it is when there is none. */
type Fields = readonly (readonly [old: string, path: string, zero?: '0' | ''])[];

const SPEC_FIELDS: Record<string, Fields> = {
  object: [
    ['target', 'describedObject'],
    ['metricName', 'metric.name', ''],
    ['targetValue', 'target.value', '0'],
    ['selector', 'metric.selector'],
    ['averageValue', 'target.averageValue'],
  ],
  pods: [
    ['metricName', 'metric.name', ''],
    ['targetAverageValue', 'target.averageValue', '0'],
    ['selector', 'metric.selector'],
  ],
  resource: [
    ['name', 'name', ''],
    ['targetAverageUtilization', 'target.averageUtilization'],
    ['targetAverageValue', 'target.averageValue'],
  ],
  containerResource: [
    ['name', 'name', ''],
    ['targetAverageUtilization', 'target.averageUtilization'],
    ['targetAverageValue', 'target.averageValue'],
    ['container', 'container', ''],
  ],
  external: [
    ['metricName', 'metric.name', ''],
    ['metricSelector', 'metric.selector'],
    ['targetValue', 'target.value'],
    ['targetAverageValue', 'target.averageValue'],
  ],
};

const STATUS_FIELDS: Record<string, Fields> = {
  object: [
    ['target', 'describedObject'],
    ['metricName', 'metric.name', ''],
    ['currentValue', 'current.value', '0'],
    ['selector', 'metric.selector'],
    ['averageValue', 'current.averageValue'],
  ],
  pods: [
    ['metricName', 'metric.name', ''],
    ['currentAverageValue', 'current.averageValue', '0'],
    ['selector', 'metric.selector'],
  ],
  resource: [
    ['name', 'name', ''],
    ['currentAverageUtilization', 'current.averageUtilization'],
    ['currentAverageValue', 'current.averageValue', '0'],
  ],
  containerResource: [
    ['name', 'name', ''],
    ['currentAverageUtilization', 'current.averageUtilization'],
    ['currentAverageValue', 'current.averageValue', '0'],
    ['container', 'container', ''],
  ],
  external: [
    ['metricName', 'metric.name', ''],
    ['metricSelector', 'metric.selector'],
    ['currentValue', 'current.value', '0'],
    ['currentAverageValue', 'current.averageValue'],
  ],
};

function oldMetric(metric: Plain, table: Record<string, Fields>): Plain {
  const old: Plain = { type: metric.type };
  for (const [source, fields] of Object.entries(table)) {
    if (!metric[source]) continue;
    old[source] = {};
    for (const [name, path, zero] of fields) {
      const value = path.split('.').reduce<any>((inner, key) => inner?.[key], metric[source]) ?? zero;
      if (value !== undefined) old[source][name] = value;
    }
  }
  return old;
}

/** Which kind of target v1's fields make. */
function targetType(source: string, target: Plain): string {
  if (source === 'resource' || source === 'containerResource')
    return target.averageUtilization === undefined ? 'AverageValue' : 'Utilization';
  if (source === 'object') return target.averageValue === undefined ? 'Value' : 'AverageValue';
  return source === 'external' && target.value !== undefined ? 'Value' : 'AverageValue';
}

function setAt(target: Plain, [first, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) target[first!] = value;
  else {
    target[first!] ??= {};
    setAt(target[first!], rest, value);
  }
}

function newMetric(old: Plain, table: Record<string, Fields>): Plain {
  const metric: Plain = { type: old.type ?? '' };
  for (const [source, fields] of Object.entries(table)) {
    if (!old[source]) continue;
    const made: Plain = {};
    for (const [name, path, zero] of fields) {
      const value = old[source][name] ?? zero;
      if (value === undefined || value === null) continue;
      setAt(made, path.split('.'), value);
    }
    if (table === SPEC_FIELDS) {
      made.target = { type: targetType(source, made.target ?? {}), ...made.target };
      if (source === 'object' && made.target.averageValue !== undefined && made.target.value === '0') delete made.target.value;
    } else made.current ??= {};
    metric[source] = made;
  }
  return metric;
}

const isCpu = (resource: { name?: string } | undefined) => resource?.name === 'cpu';
const isCpuShare = ({ type, resource }: autoscalingv2.MetricSpec) =>
  type === 'Resource' && isCpu(resource) && resource!.target?.averageUtilization !== undefined;

const cpuShare = (averageUtilization: number): autoscalingv2.MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

/** The list or object in an annotation; undefined where it holds something else. */
function parsed(text: string | undefined, list: boolean): any {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text);
    if (value === null && list) return [];
    const fits = typeof value === 'object' && value !== null && Array.isArray(value) === list;
    return fits && (!list || value.every((item: unknown) => typeof item === 'object')) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Rules for scaling travel with the names of Go's fields, absent ones included. */
function internal(rules: autoscalingv2.HPAScalingRules | undefined): Plain | null {
  if (!rules) return null;
  const policies = rules.policies?.map(({ type, value, periodSeconds }) => ({ Type: type, Value: value, PeriodSeconds: periodSeconds }));
  return {
    StabilizationWindowSeconds: rules.stabilizationWindowSeconds ?? null,
    SelectPolicy: rules.selectPolicy ?? null,
    Policies: policies ?? null,
    Tolerance: rules.tolerance ?? null,
  };
}

const BEHAVIOR_NAMES = new Map(
  ['scaleUp', 'scaleDown', 'stabilizationWindowSeconds', 'selectPolicy', 'policies', 'tolerance', 'type', 'value', 'periodSeconds'].map(
    (name) => [name.toLowerCase(), name],
  ),
);

/** Keys in any case, as Go reads them; null is nothing. */
function external(value: unknown): any {
  if (Array.isArray(value)) return value.map(external);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries.map(([key, inner]) => [BEHAVIOR_NAMES.get(key.toLowerCase()) ?? key, external(inner)]));
}

function withoutOwn(annotations: Record<string, string> | undefined): Record<string, string> {
  const kept = { ...annotations };
  for (const name of OWN_ANNOTATIONS) delete kept[name];
  return kept;
}

function withAnnotations<T extends object>(metadata: T | undefined, annotations: Record<string, string>): T {
  const { annotations: _dropped, ...rest } = (metadata ?? {}) as Plain;
  return { ...rest, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) } as T;
}

function newStatusMetrics(annotation: string | undefined, shareNow: number | undefined): autoscalingv2.MetricStatus[] | null {
  const told = parsed(annotation, true);
  // What the annotation says knows more.
  if (told) return told.map((metric: Plain) => newMetric(metric, STATUS_FIELDS));
  if (shareNow === undefined) return null;
  return [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: shareNow } } }];
}

export function toV2(old: OldAutoscaler): Autoscaler {
  const annotations = old.metadata?.annotations ?? {};
  const { targetCPUUtilizationPercentage: share, ...spec } = old.spec ?? ({} as autoscalingv1.HorizontalPodAutoscalerSpec);
  const { currentCPUUtilizationPercentage: shareNow, ...status } = old.status ?? ({} as autoscalingv1.HorizontalPodAutoscalerStatus);
  const others = (parsed(annotations[METRICS], true) ?? []).map((metric: Plain) => newMetric(metric, SPEC_FIELDS));
  const metrics = [...others, ...(share === undefined ? [] : [cpuShare(share)])];
  const behavior = external(parsed(annotations[BEHAVIOR], false));
  const conditions = parsed(annotations[CONDITIONS], true);
  return {
    ...old,
    metadata: withAnnotations(old.metadata, withoutOwn(annotations)),
    spec: {
      ...spec,
      metrics: metrics.length > 0 ? metrics : [cpuShare(CPU_PERCENT)],
      ...(behavior?.scaleUp || behavior?.scaleDown ? { behavior } : {}),
    },
    status: {
      ...status,
      currentMetrics: newStatusMetrics(annotations[CURRENT_METRICS], shareNow),
      ...(conditions?.length ? { conditions } : {}),
    },
  } as Autoscaler;
}

export function toV1(object: Autoscaler): OldAutoscaler {
  const { metrics = [], behavior, ...spec } = object.spec ?? ({} as autoscalingv2.HorizontalPodAutoscalerSpec);
  const { currentMetrics, conditions, ...status } = object.status ?? ({} as autoscalingv2.HorizontalPodAutoscalerStatus);
  const annotations = withoutOwn(object.metadata?.annotations);
  const others = metrics.filter((metric) => !isCpuShare(metric));
  if (others.length) annotations[METRICS] = JSON.stringify(others.map((metric) => oldMetric(metric, SPEC_FIELDS)));
  if (currentMetrics?.length) {
    annotations[CURRENT_METRICS] = JSON.stringify(currentMetrics.map((metric) => oldMetric(metric, STATUS_FIELDS)));
  }
  if (behavior) annotations[BEHAVIOR] = JSON.stringify({ ScaleUp: internal(behavior.scaleUp), ScaleDown: internal(behavior.scaleDown) });
  if (conditions?.length) annotations[CONDITIONS] = JSON.stringify(conditions);
  const share = metrics.find(isCpuShare)?.resource?.target.averageUtilization;
  const now = currentMetrics?.findLast(({ type, resource }) => type === 'Resource' && isCpu(resource) && hasShare(resource));
  const shareNow = now?.resource?.current?.averageUtilization;
  return {
    ...object,
    metadata: withAnnotations(object.metadata, annotations),
    spec: { ...spec, ...(share === undefined ? {} : { targetCPUUtilizationPercentage: share }) },
    status: { ...status, ...(shareNow === undefined ? {} : { currentCPUUtilizationPercentage: shareNow }) },
  } as OldAutoscaler;
}

const hasShare = (resource: autoscalingv2.ResourceMetricStatus | undefined) => resource?.current?.averageUtilization !== undefined;
