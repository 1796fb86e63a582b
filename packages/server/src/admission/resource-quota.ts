// Resource quotas: what an object uses is charged before it is written (apiserver admission/plugin/resourcequota). Until it is, whoever
// counts what is there does not see it: a status that lowers what is used is a conflict then, and is counted again.
import { corev1, type KubeObject, type Quantity } from '@tiphys/api';
import {
  addInto,
  isConflict,
  only,
  type QuantityList,
  type QuotaEvaluator,
  quantities,
  quantityTexts,
  quotaEvaluator,
  quotaMatches,
  type ResourceAmounts,
  statusError,
  subtractToZero,
  withoutZeros,
} from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import type { Loopback } from '../bootstrap/loopback.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { OPTIMISTIC_LOCK } from '../verbs/write.ts';
import { forbidden, isResource } from './attributes.ts';

const CONFLICT_RETRIES_MAX = 10;

type Quota = corev1.ResourceQuota;

export interface ResourceQuotaOptions {
  clock: Clock;
  /** Writes the usage. */
  client(): Loopback;
}

export function resourceQuota({ clock, client }: ResourceQuotaOptions): AdmissionPlugin {
  /** Requests of one namespace are charged one after the other. */
  const turns = new Map<string, Promise<void>>();
  /** What is charged in a namespace and not yet written. */
  const charged = new Map<string, number>();
  const outstanding = (namespace: string, by: 1 | -1) => {
    const count = (charged.get(namespace) ?? 0) + by;
    if (count === 0) charged.delete(namespace);
    else charged.set(namespace, count);
  };
  const charge = async (attributes: AdmissionAttributes, evaluator: QuotaEvaluator) => {
    let isNoted = false;
    for (let attempt = 0; ; attempt++) {
      const updated = chargedQuotas(attributes, evaluator, clock.now());
      if (attributes.dryRun) return;
      if (!isNoted && updated.length > 0 && attributes.whenDone) {
        isNoted = true;
        outstanding(attributes.namespace, 1);
        attributes.whenDone(() => outstanding(attributes.namespace, -1));
      }
      try {
        for (const quota of updated) await client().update(corev1.resourcequotas, quota, 'status');
        return;
      } catch (error) {
        if (!isConflict(error) || attempt >= CONFLICT_RETRIES_MAX) throw error;
      }
    }
  };
  return {
    name: 'ResourceQuota',
    validate(attributes) {
      if (charged.has(attributes.namespace) && lowersUsage(attributes)) {
        throw statusError.conflict(attributes.type, attributes.name, OPTIMISTIC_LOCK);
      }
      const evaluator = handlingEvaluator(attributes);
      if (!evaluator || attributes.reader.list(corev1.resourcequotas, attributes.namespace).length === 0) return;
      const { namespace } = attributes;
      const turn = (turns.get(namespace) ?? Promise.resolve()).then(() => charge(attributes, evaluator));
      const settled = turn.catch(() => {});
      turns.set(namespace, settled);
      return turn.finally(() => {
        if (turns.get(namespace) === settled) turns.delete(namespace);
      });
    },
  };
}

function lowersUsage(attributes: AdmissionAttributes): boolean {
  if (attributes.operation !== 'UPDATE' || attributes.subresource !== 'status' || !isResource(attributes, '', 'resourcequotas'))
    return false;
  const used = (quota: KubeObject | undefined) => quantities((quota as Quota | undefined)?.status?.used as QuantityList | undefined);
  const now = used(attributes.object);
  return [...used(attributes.oldObject)].some(([name, amount]) => (now.get(name)?.compare(amount) ?? 0) < 0);
}

const isTerminating = (pod: corev1.Pod | undefined) => pod?.spec?.activeDeadlineSeconds !== undefined;

function handlingEvaluator(attributes: AdmissionAttributes): QuotaEvaluator | undefined {
  const { operation, subresource, namespace, type, object, oldObject } = attributes;
  if (namespace === '' || !object || !type.namespaced || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
  const isPod = type.group === '' && type.resource === 'pods';
  if (subresource !== '' && !(isPod && subresource === 'resize')) return undefined;
  if (operation === 'UPDATE') {
    const core = type.group === '' && (type.resource === 'services' || type.resource === 'persistentvolumeclaims');
    const movesScope = isPod && subresource === '' && isTerminating(object as corev1.Pod) !== isTerminating(oldObject as corev1.Pod);
    if (!core && !movesScope && subresource !== 'resize') return undefined;
  }
  return quotaEvaluator(type.group, type.resource);
}

/** The quotas with the object charged to them. Throws when one does not suffice. */
function chargedQuotas(attributes: AdmissionAttributes, evaluator: QuotaEvaluator, nowMs: number): Quota[] {
  const { type, oldObject, operation } = attributes;
  const object = attributes.object as KubeObject;
  const usage = evaluator.usage(object, nowMs);
  const result: Quota[] = [];
  for (const quota of attributes.reader.list(corev1.resourcequotas, attributes.namespace)) {
    if (!quotaMatches(quota, object, type.group, type.resource)) continue;
    const hard = quantities(quota.status?.hard as QuantityList | undefined);
    const used = quantities(quota.status?.used as QuantityList | undefined);
    const name = quota.metadata!.name!;
    const restricted = evaluator.matching(hard.keys());
    const problem = evaluator.constraint?.(restricted, object);
    if (problem) throw forbidden(attributes, `failed quota: ${name}: ${problem}`);
    if (restricted.some((each) => !used.has(each))) {
      throw forbidden(attributes, `status unknown for quota: ${name}, resources: ${restricted.sort().join(',')}`);
    }
    const wasCounted = operation === 'UPDATE' && oldObject && quotaMatches(quota, oldObject, type.group, type.resource);
    const delta = withoutZeros(wasCounted ? subtractToZero(usage, evaluator.usage(oldObject, nowMs)) : usage);
    const requested = only(delta, hard.keys());
    if (requested.size === 0) continue;
    const total = addInto(new Map(used), requested);
    refuseExceeding(attributes, name, { requested, used, hard, total });
    result.push({ ...quota, status: { ...quota.status, used: quantityTexts(total) } });
  }
  return result;
}

interface Balance {
  requested: ResourceAmounts;
  used: ResourceAmounts;
  hard: ResourceAmounts;
  total: ResourceAmounts;
}

const listed = (amounts: ReadonlyMap<string, Quantity>) =>
  [...amounts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

function refuseExceeding(attributes: AdmissionAttributes, name: string, { requested, used, hard, total }: Balance): void {
  const exceeded = [...requested.keys()].filter((each) => total.get(each)!.compare(hard.get(each)!) > 0);
  if (exceeded.length === 0) return;
  const [wanted, before, limit] = [requested, used, hard].map((amounts) => listed(only(amounts, exceeded)));
  throw forbidden(attributes, `exceeded quota: ${name}, requested: ${wanted}, used: ${before}, limited: ${limit}`);
}
