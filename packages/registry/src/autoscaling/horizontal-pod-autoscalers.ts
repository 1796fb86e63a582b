// HorizontalPodAutoscalers of autoscaling/v2, the stored version, and v1 (registry/autoscaling, apis/autoscaling, printers).
import { type autoscalingv1, autoscalingv2, type KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './autoscaler-rules.ts';
import { metricsText } from './metrics-text.ts';
import { toV1, toV2 } from './old-form.ts';

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler;
type OldAutoscaler = autoscalingv1.HorizontalPodAutoscaler;

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

const NO_STATUS = {
  currentMetrics: null,
  desiredReplicas: 0,
  currentReplicas: 0,
} as unknown as autoscalingv2.HorizontalPodAutoscalerStatus;

/** What is told of one as the other's. Its parts that v1 keeps in annotations go along. */
const withStatusOf = (object: Autoscaler, { status }: Autoscaler, metadata = object.metadata): Autoscaler =>
  ({ ...object, ...(metadata ? { metadata } : {}), status }) as Autoscaler;

export const autoscalersV1 = defineBuiltIn<OldAutoscaler>('autoscaling', 'v1', 'horizontalpodautoscalers', {
  conversion: {
    stored: autoscalingv2.horizontalpodautoscalers,
    toStored: toV2,
    fromStored: (stored: KubeObject) => toV1(stored as Autoscaler),
  },
  // Upstream has it in v2's form at once: what v1 leaves out, such as the share of cpu, is there when it comes back.
  setDefaults: (object) => void Object.assign(object, toV1(toV2(object))),
  prepareForCreate(object) {
    Object.assign(object, toV1({ ...toV2(object), status: NO_STATUS }));
  },
  prepareForUpdate(object, old) {
    Object.assign(object, toV1(withStatusOf(toV2(object), toV2(old))));
  },
  validateCreate: (object) => validateAutoscaler(toV2(object)),
  validateUpdate: (object, old) => validateAutoscaler(toV2(object), toV2(old)),
  status: {
    prepareForUpdate(object, old) {
      Object.assign(object, toV1(withStatusOf(toV2(old), toV2(object), object.metadata)));
    },
    validateUpdate: (object) => validateAutoscalerStatus(toV2(object)),
  },
  columns: columns.map((column) => ({ ...column, cell: (object, nowMs) => column.cell(toV2(object), nowMs) })),
});
