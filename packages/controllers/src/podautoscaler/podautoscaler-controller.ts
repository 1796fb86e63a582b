// Sizes workloads by their metrics (pkg/controller/podautoscaler). Reads and writes here; what they mean is in decision.ts.
import { autoscalingv2, corev1 } from '@tiphys/api';
import type { LabelSelector } from '@tiphys/machinery';
import type { Pod } from '../pods/pod-state.ts';
import { typed } from '../runtime/apply.ts';
import { type Controller, defineController, type ReconcileContext } from '../runtime/controller.ts';
import { nameOf, namespaceOf } from '../runtime/objects.ts';
import { AutoscalerMetrics, directionOf, type Fault } from './autoscaler-metrics.ts';
import { ambiguity, byMetrics, type Decision, settled, targetSelector, unsettled, withoutMetrics } from './decision.ts';
import {
  type Autoscaler,
  type AutoscalerOptions,
  behaviorOf,
  DEFAULT_OPTIONS,
  type Draft,
  draftOf,
  removeCondition,
  setCondition,
  statusOf,
  warn,
} from './draft.ts';
import { readMetric } from './metrics-apis.ts';
import { type Memory, NO_MEMORY, remembered } from './stabilization.ts';
import { Discovery, findTarget, resize, scaleFacts, type Target } from './targets.ts';

const autoscalers = autoscalingv2.horizontalpodautoscalers;

export interface Remembered {
  /** undefined until its target was seen for the first time. */
  memory?: Memory;
  /** Of the target's pods, once it is known. */
  selector?: LabelSelector;
  /** Autoscalers are looked at once per period and not at every change, as upstream has it. */
  dueMs: number;
}

const keyOf = (namespace: string, name: string) => `${namespace}/${name}`;

class HorizontalAutoscaler {
  readonly #options: AutoscalerOptions;
  readonly #known: Map<string, Remembered>;
  #discovery: Discovery | undefined;
  readonly metrics = new AutoscalerMetrics(() => this.#known.size);

  constructor(options: AutoscalerOptions, known: Map<string, Remembered>) {
    this.#options = options;
    this.#known = known;
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.metrics.forget(key);
  }

  /** Resolves to when to come back. */
  async turn(hpa: Autoscaler, context: ReconcileContext): Promise<number> {
    const key = keyOf(namespaceOf(hpa), nameOf(hpa));
    const nowMs = context.runtime.clock.now();
    const known = this.#known.get(key) ?? { dueMs: nowMs + this.#options.syncMs };
    this.#known.set(key, known);
    if (nowMs < known.dueMs) return known.dueMs - nowMs;
    known.dueMs = nowMs + this.#options.syncMs;
    const draft = draftOf(typed(autoscalers, hpa), nowMs, this.#options);
    const failure = await this.#sync(draft, known, context).catch((error: Error) => error);
    const scaled = draft.events.some(({ reason }) => reason === 'SuccessfulRescale');
    const fault: Fault = !failure ? 'none' : failure instanceof SpecError ? 'spec' : 'internal';
    const action = scaled ? directionOf(draft.current, draft.desired) : 'none';
    this.metrics.turn(action, fault, context.runtime.clock.now() - nowMs);
    if (draft.settled) this.metrics.desired(key, draft.desired);
    for (const { type, reason, message } of draft.events) context.events.event(draft.hpa, type, reason, message);
    if (failure) context.runtime.log.named('horizontal-pod-autoscaler').warning('sync failed', { key, err: failure.message });
    return this.#options.syncMs;
  }

  /** Resolves to what went wrong, if anything did; rejects when the status can't be written. */
  async #sync(draft: Draft, known: Remembered, context: ReconcileContext): Promise<Error | undefined> {
    const { client } = context;
    const { scaleTargetRef } = draft.hpa.spec!;
    const reference = `${scaleTargetRef.kind}/${namespaceOf(draft.hpa)}/${scaleTargetRef.name}`;
    this.#discovery ??= new Discovery(client, context.runtime.clock);
    let target: Target;
    try {
      checkVersion(scaleTargetRef.apiVersion ?? '');
      target = await findTarget(client, this.#discovery, scaleTargetRef, namespaceOf(draft.hpa));
    } catch (error) {
      const { message } = error as Error;
      warn(draft, 'FailedGetScale', message);
      setCondition(
        draft,
        'AbleToScale',
        'False',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${message}`,
      );
      await this.#write(draft, statusOf(draft), context);
      if (error instanceof SpecError) return new SpecError(`invalid API version in scale target reference: ${message}`);
      return new Error(`failed to query scale subresource for ${reference}: ${message}`);
    }
    setCondition(draft, 'AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
    const current = target.object.spec?.replicas ?? 0;
    known.memory ??= { ...NO_MEMORY, recommendations: [{ replicas: current, atMs: draft.nowMs }] };
    const given = withoutMetrics(draft, current);
    const decision = given ? { ...given, memory: known.memory } : await this.#measure(draft, target, known, known.memory, context);
    if (decision instanceof Error || (decision.proposals && decision.proposals.replicas === undefined)) {
      const [error, proposals] = decision instanceof Error ? [decision, undefined] : [decision.proposals!.error!, decision.proposals];
      await this.#write(draft, unsettled(draft, current, proposals), context);
      warn(draft, 'FailedComputeMetricsReplicas', error.message);
      return new Error(`failed to compute desired number of replicas based on listed metrics for ${reference}: ${error.message}`);
    }
    known.memory = decision.memory;
    return this.#carryOut(draft, target, decision, known, context);
  }

  async #measure(draft: Draft, target: Target, known: Remembered, memory: Memory, context: ReconcileContext): Promise<Decision | Error> {
    const { client, snapshot } = context;
    const namespace = namespaceOf(draft.hpa);
    const scale = scaleFacts(target);
    const selector = targetSelector(draft, scale);
    if (selector instanceof Error) return selector;
    known.selector = selector;
    const pods = snapshot.list(corev1.pods, namespace).filter((pod) => selector.matches(pod.metadata?.labels));
    const rivalry = ambiguity(draft, scale, this.#rivals(namespace, pods));
    if (rivalry) return rivalry;
    const discovery = this.#discovery!;
    const reader = {
      client,
      namespace,
      selector: selector.toString(),
      resourceOf: async (apiVersion: string, kind: string) => (await discovery.resourcesOf(apiVersion, kind))[0]!,
      versionOf: (group: string) => discovery.versionOf(group),
    };
    const readings = await Promise.all((draft.hpa.spec!.metrics ?? []).map((spec) => readMetric(reader, spec)));
    const decision = byMetrics(draft, { scale, pods, readings }, memory);
    for (const { type, replicas, reason } of decision.proposals?.outcomes ?? []) {
      const fault: Fault = reason === undefined ? 'none' : reason === 'InvalidMetricSourceType' ? 'spec' : 'internal';
      this.metrics.computed(
        type,
        directionOf(draft.hpa.status?.currentReplicas ?? 0, replicas ?? draft.hpa.status?.currentReplicas ?? 0),
        fault,
      );
    }
    return decision;
  }

  /** Names of the namespace's autoscalers whose target selects one of the pods. */
  #rivals(namespace: string, pods: readonly Pod[]): string[] {
    const prefix = `${namespace}/`;
    return [...this.#known]
      .filter(([key, { selector }]) => key.startsWith(prefix) && selector && pods.some((pod) => selector.matches(pod.metadata?.labels)))
      .map(([key]) => key.slice(prefix.length))
      .sort();
  }

  async #carryOut(
    draft: Draft,
    target: Target,
    { desired, reason, memory, proposals }: Decision,
    known: Remembered,
    context: ReconcileContext,
  ): Promise<Error | undefined> {
    const current = target.object.spec?.replicas ?? 0;
    if (desired !== current) {
      try {
        await resize(context.client, target, desired);
      } catch (error) {
        const { message } = error as Error;
        warn(draft, 'FailedRescale', `New size: ${desired}; reason: ${reason}; error: ${message}`);
        setCondition(
          draft,
          'AbleToScale',
          'False',
          'FailedUpdateScale',
          `the HPA controller was unable to update the target scale: ${message}`,
        );
        await this.#write(draft, unsettled(draft, current, proposals), context);
        return new Error(`failed to rescale: ${message}`);
      }
      setCondition(
        draft,
        'AbleToScale',
        'True',
        'SucceededRescale',
        `the HPA controller was able to update the target scale to ${desired}`,
      );
      // Of a time when the gate for that was on.
      removeCondition(draft, 'ScaledToZero');
      draft.events.push({ type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${desired}; reason: ${reason}` });
      known.memory = remembered(memory, behaviorOf(draft), current, desired, draft.nowMs);
    }
    draft.current = current;
    draft.desired = desired;
    draft.settled = true;
    await this.#write(draft, settled(draft, current, desired, proposals, desired !== current), context);
    return proposals?.error;
  }

  async #write(draft: Draft, status: Autoscaler['status'] | undefined, { client }: ReconcileContext): Promise<void> {
    if (!status) return;
    try {
      await client.of(autoscalers).updateStatus({ ...draft.hpa, status });
    } catch (error) {
      warn(draft, 'FailedUpdateStatus', (error as Error).message);
      throw new Error(`failed to update status for ${nameOf(draft.hpa)}: ${(error as Error).message}`);
    }
  }
}

/** What the author of the autoscaler has to mend. */
class SpecError extends Error {}

function checkVersion(apiVersion: string): void {
  if (apiVersion.split('/').length > 2) throw new SpecError(`unexpected GroupVersion string: ${apiVersion}`);
}

/** One per cluster: it remembers recommendations and changes until the program ends. */
export function podAutoscalerController(
  options: AutoscalerOptions = DEFAULT_OPTIONS,
  known: Map<string, Remembered> = new Map(),
): Controller<Autoscaler> {
  const autoscaler = new HorizontalAutoscaler(options, known);
  return defineController<Autoscaler>({
    name: 'horizontal-pod-autoscaler',
    metrics: autoscaler.metrics.families,
    for: autoscalers,
    reads: [corev1.pods],
    async reconcile({ namespace, name }, hpa, context) {
      if (hpa) return autoscaler.turn(hpa, context);
      autoscaler.forget(keyOf(namespace, name));
      return undefined;
    },
  });
}
