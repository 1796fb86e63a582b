// What a quota's objects use together (pkg/quota/v1/resources.go CalculateUsage, generic/evaluator.go CalculateUsageStats). Pure.
import { type corev1, type KubeObject, Quantity, type ResourceType } from '@tiphys/api';
import {
  addInto,
  only,
  type QuantityList,
  type QuotaEvaluator,
  quantities,
  quantityTexts,
  quotaEvaluator,
  quotaMatches,
  type ResourceAmounts,
} from '@tiphys/machinery';

const evaluatorOf = (type: ResourceType): QuotaEvaluator | undefined => quotaEvaluator(type.group, type.resource);

/** The types whose objects count against any of the names. */
export function countedTypes(names: readonly string[], types: readonly ResourceType[]): ResourceType[] {
  return types.filter((type) => (evaluatorOf(type)?.matching(names).length ?? 0) > 0);
}

/** The status the quota should have; undefined when it has it. Names that nothing here can count keep what was reported. */
export function quotaStatus(
  quota: corev1.ResourceQuota,
  types: readonly ResourceType[],
  objectsOf: (type: ResourceType) => readonly KubeObject[],
  nowMs: number,
): corev1.ResourceQuotaStatus | undefined {
  const hard = quantities(quota.spec?.hard as QuantityList | undefined);
  const names = [...hard.keys()];
  // Which objects match is asked of the limits as they will be.
  const wanted = { ...quota, status: { ...quota.status, hard: quota.spec?.hard ?? {} } };
  const usage: ResourceAmounts = new Map();
  for (const type of countedTypes(names, types)) {
    const evaluator = evaluatorOf(type)!;
    const matching = evaluator.matching(names);
    addInto(usage, new Map(matching.map((name) => [name, Quantity.zero])));
    for (const object of objectsOf(type)) {
      if (quotaMatches(wanted, object, type.group, type.resource)) addInto(usage, only(evaluator.usage(object, nowMs), matching));
    }
  }
  const before = quantities(quota.status?.used as QuantityList | undefined);
  const used = only(new Map([...before, ...usage]), names);
  if (quota.status?.used && same(used, before) && same(hard, quantities(quota.status.hard as QuantityList | undefined))) return undefined;
  return { hard: quantityTexts(hard), used: quantityTexts(used) };
}

function same(a: ResourceAmounts, b: ResourceAmounts): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name)?.compare(value) === 0);
}
