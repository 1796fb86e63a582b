// The Targets column of autoscalers (printers/internalversion formatHPAMetrics).
import type { autoscalingv2 } from '@tiphys/api';

const SHOWN_MAX = 2;
const UNKNOWN = '<unknown>';
type Target = autoscalingv2.MetricTarget | undefined;
type Current = autoscalingv2.MetricValueStatus | undefined;

const percent = (value: number | undefined, otherwise: string) => (value === undefined ? otherwise : `${value}%`);

function byValue(target: Target, current: Current, average: string): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue}${average}`;
  return `${current?.value ?? UNKNOWN}/${target?.value ?? '<nil>'}`;
}

function byResource(name: string, target: Target, current: Current): string {
  if (target?.averageValue !== undefined) return `${name}: ${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  return `${name}: ${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`;
}

function metricText(spec: autoscalingv2.MetricSpec, status: autoscalingv2.MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return byValue(spec.external?.target, status?.external?.current, ' (avg)');
    case 'Object':
      return byValue(spec.object?.target, status?.object?.current, ' (avg)');
    case 'Pods':
      return byValue(spec.pods?.target, status?.pods?.current, '');
    case 'Resource':
      return byResource(spec.resource?.name ?? '', spec.resource?.target, status?.resource?.current);
    case 'ContainerResource':
      return byResource(spec.containerResource?.name ?? '', spec.containerResource?.target, status?.containerResource?.current);
    default:
      return '<unknown type>';
  }
}

/** Current and wished value of the first metrics; '' when there are none. */
export function metricsText(specs: readonly autoscalingv2.MetricSpec[], statuses: readonly autoscalingv2.MetricStatus[]): string {
  const all = specs.map((spec, i) => metricText(spec, statuses[i]));
  const shown = all.slice(0, SHOWN_MAX).join(', ');
  return all.length > SHOWN_MAX ? `${shown} + ${all.length - SHOWN_MAX} more...` : shown;
}
