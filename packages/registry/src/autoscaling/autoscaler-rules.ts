// Rules of HorizontalPodAutoscalers (apis/autoscaling/validation, registry/autoscaling/horizontalpodautoscaler/strategy.go).
import type { autoscalingv2 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, nonNegative } from '../rules/errors.ts';
import { isDns1123Label, isPathSegment } from '../rules/formats.ts';
import { checkContainerResourceName } from '../rules/pod/resources.ts';
import { quantitySign } from '../rules/quantities.ts';

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler;
type Reference = autoscalingv2.CrossVersionObjectReference;
type Target = autoscalingv2.MetricTarget;

const PERIOD_SECONDS_MAX = 1800;
const STABILIZATION_SECONDS_MAX = 3600;
const SOURCES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'] as const;
const SOURCE_FIELDS = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
type SourceField = (typeof SOURCE_FIELDS)[number];

const fieldOf = (type: string) => (type.charAt(0).toLowerCase() + type.slice(1)) as SourceField;

/** What is wrong with a group version, as Go's parser says it. */
function apiVersionFault(apiVersion: string, groupNeeded: boolean): string | undefined {
  const parts = apiVersion.split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  return groupNeeded && (parts.length < 2 || parts[0] === '') ? 'apiVersion must specify API group' : undefined;
}

interface ReferenceOptions {
  groupNeeded: boolean;
  /** The old object had one that doesn't parse. */
  anyVersion: boolean;
}

function checkReference(errors: Errors, path: string, reference: Reference | undefined, options: ReferenceOptions): void {
  for (const name of ['kind', 'name'] as const) {
    const value = reference?.[name];
    if (!value) errors.push(fieldError.required(`${path}.${name}`));
    else complain(errors, `${path}.${name}`, value, isPathSegment(value));
  }
  const apiVersion = reference?.apiVersion ?? '';
  const fault = options.anyVersion ? undefined : apiVersionFault(apiVersion, options.groupNeeded);
  if (fault) errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, fault));
}

function checkMetricName(errors: Errors, path: string, name: string | undefined): void {
  if (!name) errors.push(fieldError.required(`${path}.name`, 'must specify a metric name'));
  else complain(errors, `${path}.name`, name, isPathSegment(name));
}

function checkTarget(errors: Errors, path: string, target: Target | undefined): void {
  const { type = '', value, averageValue, averageUtilization } = target ?? ({} as Partial<Target>);
  if (!type) errors.push(fieldError.required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(fieldError.invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  }
  if (value !== undefined && quantitySign(value) <= 0) errors.push(fieldError.invalid(`${path}.value`, value, 'must be positive'));
  if (averageValue !== undefined && quantitySign(averageValue) <= 0) {
    errors.push(fieldError.invalid(`${path}.averageValue`, averageValue, 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(fieldError.invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
}

function checkResourceTarget(errors: Errors, path: string, target: Target | undefined): void {
  checkTarget(errors, path, target);
  const { averageValue, averageUtilization } = target ?? ({} as Partial<Target>);
  if (averageUtilization === undefined && averageValue === undefined) {
    errors.push(fieldError.required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    errors.push(fieldError.forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization'));
  }
}

type SourceRule = (errors: Errors, path: string, metric: autoscalingv2.MetricSpec, options: ReferenceOptions) => void;

const SOURCE_RULES: Record<SourceField, SourceRule> = {
  object(errors, path, { object }, options) {
    checkReference(errors, `${path}.describedObject`, object!.describedObject, options);
    checkMetricName(errors, `${path}.metric`, object!.metric?.name);
    checkTarget(errors, `${path}.target`, object!.target);
    if (object!.target?.value === undefined && object!.target?.averageValue === undefined) {
      errors.push(fieldError.required(`${path}.target.averageValue`, 'must set either a target value or averageValue'));
    }
  },
  external(errors, path, { external }) {
    checkMetricName(errors, `${path}.metric`, external!.metric?.name);
    checkTarget(errors, `${path}.target`, external!.target);
    const { value, averageValue } = external!.target ?? ({} as Partial<Target>);
    if (value === undefined && averageValue === undefined) {
      errors.push(fieldError.required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
    }
    if (value !== undefined && averageValue !== undefined) {
      errors.push(fieldError.forbidden(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target'));
    }
  },
  pods(errors, path, { pods }) {
    checkMetricName(errors, `${path}.metric`, pods!.metric?.name);
    checkTarget(errors, `${path}.target`, pods!.target);
    if (pods!.target?.averageValue === undefined) {
      errors.push(fieldError.required(`${path}.target.averageValue`, 'must specify a positive target averageValue'));
    }
  },
  resource(errors, path, { resource }) {
    if (!resource!.name) errors.push(fieldError.required(`${path}.name`, 'must specify a resource name'));
    checkResourceTarget(errors, `${path}.target`, resource!.target);
  },
  containerResource(errors, path, { containerResource: source }) {
    if (!source!.name) errors.push(fieldError.required(`${path}.name`, 'must specify a resource name'));
    else checkContainerResourceName(errors, `${path}.name`, source!.name);
    if (!source!.container) errors.push(fieldError.required(`${path}.container`, 'must specify a container'));
    else complain(errors, `${path}.container`, source!.container, isDns1123Label(source!.container));
    checkResourceTarget(errors, `${path}.target`, source!.target);
  },
};

function checkMetric(errors: Errors, path: string, metric: autoscalingv2.MetricSpec, options: ReferenceOptions): void {
  const { type = '' } = metric;
  const known = SOURCES.some((source) => source === type);
  if (!type) errors.push(fieldError.required(`${path}.type`, 'must specify a metric source type'));
  if (!known) errors.push(fieldError.notSupported(`${path}.type`, type, SOURCES));
  const present = SOURCE_FIELDS.filter((name) => metric[name] !== undefined);
  if (present[0]) SOURCE_RULES[present[0]](errors, `${path}.${present[0]}`, metric, options);
  const expected = known ? fieldOf(type) : undefined;
  if (expected && metric[expected] === undefined) {
    errors.push(fieldError.required(`${path}.${expected}`, 'must populate information for the given metric source'));
  }
  if (!known) errors.push(fieldError.notSupported(`${path}.type`, type, SOURCES));
  if (present.length === 1) return;
  for (const name of present) {
    if (name !== expected) errors.push(fieldError.forbidden(`${path}.${name}`, 'must populate the given metric source only'));
  }
}

function checkPolicy(errors: Errors, path: string, { type = '', value = 0, periodSeconds = 0 }: autoscalingv2.HPAScalingPolicy): void {
  if (type !== 'Pods' && type !== 'Percent') errors.push(fieldError.notSupported(`${path}.type`, type, ['Percent', 'Pods']));
  if (value <= 0) errors.push(fieldError.invalid(`${path}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0) errors.push(fieldError.invalid(`${path}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > PERIOD_SECONDS_MAX) {
    errors.push(fieldError.invalid(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`));
  }
}

function checkScaling(errors: Errors, path: string, rules: autoscalingv2.HPAScalingRules | undefined): void {
  if (!rules) return;
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies, tolerance } = rules;
  if (seconds !== undefined && seconds < 0) {
    errors.push(fieldError.invalid(`${path}.stabilizationWindowSeconds`, seconds, 'must be greater than or equal to zero'));
  }
  if (seconds !== undefined && seconds > STABILIZATION_SECONDS_MAX) {
    const why = `must be less than or equal to ${STABILIZATION_SECONDS_MAX}`;
    errors.push(fieldError.invalid(`${path}.stabilizationWindowSeconds`, seconds, why));
  }
  if (selectPolicy !== undefined && !['Max', 'Min', 'Disabled'].includes(selectPolicy)) {
    errors.push(fieldError.notSupported(`${path}.selectPolicy`, selectPolicy, ['Disabled', 'Max', 'Min']));
  }
  if (!policies?.length) errors.push(fieldError.required(`${path}.policies`, 'must specify at least one Policy'));
  policies?.forEach((policy, i) => {
    checkPolicy(errors, `${path}.policies[${i}]`, policy);
  });
  if (tolerance !== undefined && quantitySign(tolerance) < 0) {
    errors.push(fieldError.invalid(`${path}.tolerance`, tolerance, 'must be greater than or equal to 0'));
  }
}

const hasBadVersion = (reference: Reference | undefined, groupNeeded: boolean) =>
  reference !== undefined && apiVersionFault(reference.apiVersion ?? '', groupNeeded) !== undefined;

/** `old`: what an update starts from; a version that was wrong before may stay so. */
export function validateAutoscaler({ spec }: Autoscaler, old?: Autoscaler): Errors {
  const errors: Errors = [];
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = spec ?? ({} as Partial<NonNullable<Autoscaler['spec']>>);
  // Scaling to zero is off by default; who has it keeps it.
  const least = old?.spec?.minReplicas === 0 ? 0 : 1;
  if (minReplicas !== undefined && minReplicas < least) {
    errors.push(fieldError.invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${least}`));
  }
  if (maxReplicas === 0) errors.push(fieldError.required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (maxReplicas < 0) errors.push(fieldError.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to 1'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(fieldError.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  const oldSpec = old?.spec;
  const before = oldSpec?.scaleTargetRef;
  const isSame =
    before !== undefined && before.kind === scaleTargetRef?.kind && (before.apiVersion ?? '') === (scaleTargetRef.apiVersion ?? '');
  // The one kind of the core group that scales may go without a version.
  const targetOptions = { groupNeeded: scaleTargetRef?.kind !== 'ReplicationController', anyVersion: isSame };
  checkReference(errors, 'spec.scaleTargetRef', scaleTargetRef, targetOptions);
  const hadBadMetric = oldSpec?.metrics?.some(({ object }) => hasBadVersion(object?.describedObject, false)) ?? false;
  metrics?.forEach((metric, i) => {
    checkMetric(errors, `spec.metrics[${i}]`, metric, { groupNeeded: false, anyVersion: hadBadMetric });
  });
  if (minReplicas === 0 && !metrics?.some(({ type }) => type === 'Object' || type === 'External')) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas';
    errors.push(fieldError.forbidden('spec.metrics', why));
  }
  checkScaling(errors, 'spec.behavior.scaleUp', behavior?.scaleUp);
  checkScaling(errors, 'spec.behavior.scaleDown', behavior?.scaleDown);
  return errors;
}

export function validateAutoscalerStatus({ status }: Autoscaler): Errors {
  const errors: Errors = [];
  nonNegative(errors, 'status.currentReplicas', status?.currentReplicas);
  nonNegative(errors, 'status.desiredReplicas', status?.desiredReplicas);
  return errors;
}
