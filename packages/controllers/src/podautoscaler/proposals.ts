// What each metric of an autoscaler proposes, and what they come to together (horizontal.go computeReplicasForMetrics).
import type { autoscalingv2 } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import { goSelector } from '../go-selector.ts';
import type { Pod } from '../pods/pod-state.ts';
import { type Draft, setCondition, tolerancesOf, warn } from './draft.ts';
import { milliOf, milliText } from './numbers.ts';
import type { PodMetrics } from './pod-groups.ts';
import { averageReplicas, perPodReplicas, resourceReplicas, type Situation, summed, valueReplicas } from './replica-calculator.ts';

type Spec = autoscalingv2.MetricSpec;
type Status = autoscalingv2.MetricStatus;

/** What the metrics APIs answered for one metric. Values of an object or from outside are thousandths. */
export type Reading = { pods: PodMetrics } | { values: readonly bigint[] } | { error: Error };

export interface Scale {
  specReplicas: number;
  statusReplicas: number;
  selector: string;
}

export interface Measured {
  scale: Scale;
  pods: readonly Pod[];
  /** One per metric of the spec. */
  readings: readonly Reading[];
}

export interface Proposals {
  /** undefined: nothing can be done. */
  replicas: number | undefined;
  /** Which metric it comes from. */
  metric: string;
  statuses: readonly Status[];
  /** One per metric: the replicas it proposed, or why it could not. */
  outcomes: readonly { type: string; replicas?: number; reason?: string }[];
  /** Set also when some metrics work and others don't. */
  error?: Error;
}

interface One {
  replicas: number;
  metric: string;
  status: Status;
}

/** Says why a metric proposes nothing: shown in the condition, and wrapped in what is reported. */
class Unable extends Error {
  readonly reason: string;
  readonly inner: string;
  constructor(reason: string, inner: string, wrapped: string) {
    super(wrapped);
    this.reason = reason;
    this.inner = inner;
  }
}

interface Context extends Measured {
  draft: Draft;
  situation: Situation;
}

const podsOf = (reading: Reading): PodMetrics => {
  if ('error' in reading) throw reading.error;
  return 'pods' in reading ? reading.pods : new Map();
};
const valuesOf = (reading: Reading): readonly bigint[] => {
  if ('error' in reading) throw reading.error;
  return 'values' in reading ? reading.values : [];
};

/** Runs the work; what it throws gets words in front. */
function wrapping<T>(words: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${words}: ${(error as Error).message}`);
  }
}

const identifier = ({ name, selector }: autoscalingv2.MetricIdentifier): autoscalingv2.MetricIdentifier =>
  selector ? { name, selector } : { name };

function byResource(
  { scale, situation }: Context,
  reading: Reading,
  { name, container = '', target }: { name: string; container?: string; target: autoscalingv2.MetricTarget },
): { replicas: number; metric: string; current: autoscalingv2.MetricValueStatus } {
  const metrics = () => wrapping(`unable to get metrics for resource ${name}`, () => podsOf(reading));
  const text = (usage: bigint) => milliText(usage, name === 'memory');
  if (target.averageValue !== undefined) {
    const wanted = milliOf(target.averageValue);
    const { replicas, usage } = wrapping(`failed to get ${name} usage`, () =>
      averageReplicas(metrics(), scale.specReplicas, wanted, situation, name),
    );
    return { replicas, metric: `${name} resource`, current: { averageValue: text(usage) } };
  }
  const utilization = target.averageUtilization;
  if (utilization === undefined)
    throw new Error('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set');
  const { replicas, percent, usage } = wrapping(`failed to get ${name} utilization`, () =>
    resourceReplicas(metrics(), scale.specReplicas, { resource: name, container, utilization }, situation),
  );
  const metric = `${name} ${container === '' ? '' : 'container '}resource utilization (percentage of request)`;
  return { replicas, metric, current: { averageUtilization: percent, averageValue: text(usage) } };
}

function byObject(context: Context, reading: Reading, source: autoscalingv2.ObjectMetricSource): One {
  const { draft, scale, situation } = context;
  const { describedObject, metric, target } = source;
  const what = `${describedObject.kind} ${draft.hpa.metadata?.namespace}/${describedObject.name}`;
  const usageNow = () => {
    try {
      return valuesOf(reading)[0] ?? 0n;
    } catch (error) {
      throw new Error(`unable to get metric ${metric.name}: ${(error as Error).message} on ${what}`);
    }
  };
  const status = (current: autoscalingv2.MetricValueStatus): Status => ({
    type: 'Object',
    object: { describedObject, metric: identifier(metric), current },
  });
  if (target.type === 'Value' && target.value !== undefined) {
    const { replicas, usage } = valueReplicas(usageNow(), scale.specReplicas, milliOf(target.value), situation);
    return { replicas, metric: `${describedObject.kind} metric ${metric.name}`, status: status({ value: milliText(usage) }) };
  }
  if (target.type === 'AverageValue' && target.averageValue !== undefined) {
    const wanted = milliOf(target.averageValue);
    const { replicas, usage } = perPodReplicas(usageNow(), scale.statusReplicas, wanted, situation.tolerances);
    // "external" is upstream's word for it here.
    const name = `external metric ${metric.name}(${goSelector(metric.selector)})`;
    return { replicas, metric: name, status: status({ averageValue: milliText(usage) }) };
  }
  throw new Error('invalid object metric source: neither a value target nor an average value target was set');
}

function byExternal(context: Context, reading: Reading, source: autoscalingv2.ExternalMetricSource): One {
  const { draft, scale, situation } = context;
  const { metric, target } = source;
  const usageNow = () => {
    labelSelectorMatcher(metric.selector);
    const what = `${draft.hpa.metadata?.namespace}/${metric.name}/${goSelector(metric.selector)}`;
    return summed(wrapping(`unable to get external metric ${what}`, () => valuesOf(reading)));
  };
  const name = `external metric ${metric.name}(${goSelector(metric.selector)})`;
  const status = (current: autoscalingv2.MetricValueStatus): Status => ({
    type: 'External',
    external: { metric: identifier(metric), current },
  });
  if (target.averageValue !== undefined) {
    const { replicas, usage } = perPodReplicas(usageNow(), scale.statusReplicas, milliOf(target.averageValue), situation.tolerances);
    return { replicas, metric: name, status: status({ averageValue: milliText(usage) }) };
  }
  if (target.value !== undefined) {
    const { replicas, usage } = valueReplicas(usageNow(), scale.specReplicas, milliOf(target.value), situation);
    return { replicas, metric: name, status: status({ value: milliText(usage) }) };
  }
  throw new Error('invalid external metric source: neither a value target nor an average value target was set');
}

function byPods({ scale, situation }: Context, reading: Reading, { metric, target }: autoscalingv2.PodsMetricSource): One {
  const metrics = wrapping(`unable to get metric ${metric.name}`, () => podsOf(reading));
  const { replicas, usage } = averageReplicas(metrics, scale.specReplicas, milliOf(target.averageValue ?? '0'), situation);
  const current = { averageValue: milliText(usage) };
  return { replicas, metric: `pods metric ${metric.name}`, status: { type: 'Pods', pods: { metric: identifier(metric), current } } };
}

interface Kind {
  reason: string;
  /** In front of what is reported. */
  failed(spec: Spec): string;
  /** Between that and the cause, where upstream's condition leaves it out. */
  detail?(spec: Spec): string;
  compute(context: Context, reading: Reading, spec: Spec): One;
}

const KINDS: Readonly<Record<string, Kind>> = {
  Object: {
    reason: 'FailedGetObjectMetric',
    failed: () => 'failed to get object metric value',
    detail: ({ object }) =>
      object!.target.type === 'AverageValue' && object!.target.averageValue !== undefined
        ? `failed to get ${object!.metric.name} object metric: `
        : '',
    compute: (context, reading, spec) => byObject(context, reading, spec.object!),
  },
  Pods: {
    reason: 'FailedGetPodsMetric',
    failed: () => 'failed to get pods metric value',
    compute: (context, reading, spec) => byPods(context, reading, spec.pods!),
  },
  Resource: {
    reason: 'FailedGetResourceMetric',
    failed: ({ resource }) => `failed to get ${resource!.name} resource metric value`,
    compute: (context, reading, { resource }) => {
      const { replicas, metric, current } = byResource(context, reading, resource!);
      return { replicas, metric, status: { type: 'Resource', resource: { name: resource!.name, current } } };
    },
  },
  ContainerResource: {
    reason: 'FailedGetContainerResourceMetric',
    failed: ({ containerResource }) => `failed to get ${containerResource!.container} container metric value`,
    compute: (context, reading, { containerResource }) => {
      const { replicas, metric, current } = byResource(context, reading, containerResource!);
      const { name, container } = containerResource!;
      return { replicas, metric, status: { type: 'ContainerResource', containerResource: { name, container, current } } };
    },
  },
  External: {
    reason: 'FailedGetExternalMetric',
    failed: ({ external }) => `failed to get ${external!.metric.name} external metric value`,
    detail: ({ external }) => {
      const { target, metric } = external!;
      if (target.averageValue !== undefined) return `failed to get ${metric.name} external metric: `;
      return target.value !== undefined ? `failed to get external metric ${metric.name}: ` : '';
    },
    compute: (context, reading, spec) => byExternal(context, reading, spec.external!),
  },
};

function propose(context: Context, spec: Spec, reading: Reading): One {
  const kind = KINDS[spec.type];
  if (!kind) {
    const text = `unknown metric source type ${JSON.stringify(spec.type)}`;
    throw new Unable('InvalidMetricSourceType', text, text);
  }
  try {
    return kind.compute(context, reading, spec);
  } catch (error) {
    const inner = (error as Error).message;
    throw new Unable(kind.reason, inner, `${kind.failed(spec)}: ${kind.detail?.(spec) ?? ''}${inner}`);
  }
}

/** The largest proposal wins. Metrics that fail keep the target from shrinking, not from growing. */
export function computeReplicas(draft: Draft, measured: Measured): Proposals {
  const { pods, readings, scale } = measured;
  const { delays } = draft.options;
  const context: Context = { ...measured, draft, situation: { pods, tolerances: tolerancesOf(draft), delays, nowMs: draft.nowMs } };
  const specs = draft.hpa.spec?.metrics ?? [];
  let best: One | undefined;
  const failures: Unable[] = [];
  const outcomes: { type: string; replicas?: number; reason?: string }[] = [];
  const statuses = specs.map((spec, at): Status => {
    try {
      const one = propose(context, spec, readings[at]!);
      if (!best || best.replicas === 0 || one.replicas > best.replicas) best = one;
      outcomes.push({ type: spec.type, replicas: one.replicas });
      return one.status;
    } catch (error) {
      if (!(error instanceof Unable)) throw error;
      warn(draft, error.reason, error.inner);
      failures.push(error);
      outcomes.push({ type: spec.type, reason: error.reason });
      return { type: '' };
    }
  });
  const [first] = failures;
  const text = `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first?.message}`;
  const replicas = best?.replicas ?? 0;
  if (failures.length >= specs.length || (first && replicas < scale.specReplicas)) {
    if (first)
      setCondition(draft, 'ScalingActive', 'False', first.reason, `the HPA was unable to compute the replica count: ${first.inner}`);
    return { replicas: undefined, metric: '', statuses, outcomes, error: new Error(text) };
  }
  const found = `the HPA was able to successfully calculate a replica count from ${best!.metric}`;
  setCondition(draft, 'ScalingActive', 'True', 'ValidMetricFound', found);
  return { replicas, metric: best!.metric, statuses, outcomes, ...(first ? { error: new Error(text) } : {}) };
}
