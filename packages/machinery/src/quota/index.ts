export {
  addInto,
  only,
  type QuantityList,
  quantities,
  quantityTexts,
  type ResourceAmounts,
  raiseTo,
  subtractToZero,
  withoutZeros,
} from './amounts.ts';
export { type QuotaEvaluator, quotaEvaluator } from './evaluators.ts';
export { hasPodLevelResources, isBestEffort, podResources } from './pod-resources.ts';
export { quotaMatches, scopeRequirements } from './scopes.ts';
