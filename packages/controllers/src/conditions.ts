// Conditions in status, by the rules that controllers share: same status and reason leave the old one alone.

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

export const conditionOf = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((condition) => condition.type === type);

export const withoutCondition = <C extends Condition>(conditions: readonly C[] | undefined, type: string): C[] =>
  (conditions ?? []).filter((condition) => condition.type !== type);

/** The new one goes last, with the old transition time while the status stays. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, condition: C): C[] {
  const current = conditionOf(conditions, condition.type);
  if (current && current.status === condition.status && current.reason === condition.reason) return [...conditions!];
  const kept = current?.status === condition.status && current.lastTransitionTime ? { lastTransitionTime: current.lastTransitionTime } : {};
  return [...withoutCondition(conditions, condition.type), { ...condition, ...kept }];
}
