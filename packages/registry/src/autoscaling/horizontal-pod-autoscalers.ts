// HorizontalPodAutoscalers of autoscaling/v2, the stored version, and v1 (registry/autoscaling, apis/autoscaling, printers).
import { type autoscalingv1, autoscalingv2, type KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './autoscaler-rules.ts';
import { metricsText } from './metrics-text.ts';

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler;
type OldAutoscaler = autoscalingv1.HorizontalPodAutoscaler;

/** What v1 has no field for travels in these. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const columns = withNameAndAge<Autoscaler>(
  text('Reference', ({ spec }) => `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`),
  text('Targets', ({ spec, status }) => metricsText(spec?.metrics ?? [], status?.currentMetrics ?? []) || NONE),
  text('MinPods', ({ spec }) => String(spec?.minReplicas ?? '<unset>')),
  text('MaxPods', ({ spec }) => spec?.maxReplicas ?? 0),
  text('Replicas', ({ status }) => status?.currentReplicas ?? 0),
);

export const autoscalersV2 = defineBuiltIn<Autoscaler>('autoscaling', 'v2', 'horizontalpodautoscalers', {
  prepareForCreate(object) {
    object.status = { currentMetrics: null, desiredReplicas: 0 } as autoscalingv2.HorizontalPodAutoscalerStatus;
  },
  validateCreate: (object) => validateAutoscaler(object),
  validateUpdate: validateAutoscaler,
  status: { validateUpdate: validateAutoscalerStatus },
  columns,
});

const isCpuShare = ({ type, resource }: autoscalingv2.MetricSpec) =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined;

function parsed<T>(text: string | undefined): T | undefined {
  if (!text) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** What v1 says of the cpu share now is one of v2's metrics. */
function metricsOf(others: autoscalingv2.MetricStatus[] | undefined, share: number | undefined): autoscalingv2.MetricStatus[] | null {
  const rest = (others ?? []).filter(({ resource }) => resource?.name !== 'cpu');
  if (share === undefined) return rest.length > 0 ? rest : null;
  return [...rest, { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: share } } } as autoscalingv2.MetricStatus];
}

/** As v1 writes a resource's status into its annotation. */
function oldStatus(status: autoscalingv2.MetricStatus): object {
  if (status.type !== 'Resource' || !status.resource) return status;
  const { averageUtilization, averageValue = '0' } = status.resource.current ?? {};
  const share = averageUtilization === undefined ? {} : { currentAverageUtilization: averageUtilization };
  return { type: status.type, resource: { name: status.resource.name, ...share, currentAverageValue: averageValue } };
}

function toV2(old: OldAutoscaler): Autoscaler {
  const {
    [METRICS]: metrics,
    [CURRENT_METRICS]: current,
    [CONDITIONS]: conditions,
    [BEHAVIOR]: behavior,
    ...annotations
  } = old.metadata?.annotations ?? {};
  const { targetCPUUtilizationPercentage: share, ...spec } = old.spec ?? ({} as autoscalingv1.HorizontalPodAutoscalerSpec);
  const { currentCPUUtilizationPercentage: shareNow, ...status } = old.status ?? ({} as autoscalingv1.HorizontalPodAutoscalerStatus);
  const own: autoscalingv2.MetricSpec[] = parsed(metrics) ?? [];
  const target = { type: 'Utilization', averageUtilization: share };
  const cpu: autoscalingv2.MetricSpec[] = share === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target } }];
  const { annotations: _dropped, ...metadata } = old.metadata ?? {};
  return {
    ...old,
    metadata: { ...metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
    spec: { ...spec, metrics: [...own, ...cpu], ...(behavior ? { behavior: parsed(behavior) } : {}) },
    status: {
      ...status,
      currentMetrics: metricsOf(parsed<autoscalingv2.MetricStatus[]>(current), shareNow),
      ...(conditions ? { conditions: parsed(conditions) } : {}),
    },
  } as Autoscaler;
}

function toV1(object: Autoscaler): OldAutoscaler {
  const { metrics = [], behavior, ...spec } = object.spec ?? ({} as autoscalingv2.HorizontalPodAutoscalerSpec);
  const { currentMetrics, conditions, ...status } = object.status ?? ({} as autoscalingv2.HorizontalPodAutoscalerStatus);
  const cpu = metrics.find(isCpuShare);
  const others = metrics.filter((metric) => metric !== cpu);
  const cpuNow = currentMetrics?.find(({ type, resource }) => type === 'Resource' && resource?.name === 'cpu');
  const annotations = { ...object.metadata?.annotations };
  if (others.length) annotations[METRICS] = JSON.stringify(others);
  if (currentMetrics?.length) annotations[CURRENT_METRICS] = JSON.stringify(currentMetrics.map(oldStatus));
  if (conditions?.length) annotations[CONDITIONS] = JSON.stringify(conditions);
  if (behavior) annotations[BEHAVIOR] = JSON.stringify(behavior);
  const share = cpu?.resource?.target.averageUtilization;
  const now = cpuNow?.resource?.current?.averageUtilization;
  return {
    ...object,
    metadata: { ...object.metadata, ...(Object.keys(annotations).length ? { annotations } : {}) },
    spec: { ...spec, ...(share === undefined ? {} : { targetCPUUtilizationPercentage: share }) },
    status: { ...status, ...(now === undefined ? {} : { currentCPUUtilizationPercentage: now }) },
  } as OldAutoscaler;
}

export const autoscalersV1 = defineBuiltIn<OldAutoscaler>('autoscaling', 'v1', 'horizontalpodautoscalers', {
  conversion: {
    stored: autoscalingv2.horizontalpodautoscalers,
    toStored: toV2,
    fromStored: (stored: KubeObject) => toV1(stored as Autoscaler),
  },
  prepareForCreate(object) {
    object.status = { currentReplicas: 0, desiredReplicas: 0 };
  },
  validateCreate: (object) => validateAutoscaler(toV2(object)),
  validateUpdate: (object, old) => validateAutoscaler(toV2(object), toV2(old)),
  status: { validateUpdate: (object) => validateAutoscalerStatus(toV2(object)) },
  columns: columns.map((column) => ({ ...column, cell: (object, nowMs) => column.cell(toV2(object), nowMs) })),
});
