// An affinity term with the labels of the pod that has it worked in: which other pods it is about
// (pkg/scheduler/framework/types.go AffinityTerm; KEP-3633 matchLabelKeys, KEP-2249 namespaceSelector).
import type { corev1 } from '@tiphys/api';
import { type LabelSelector, labelSelectorMatcher } from '@tiphys/machinery';

export interface PodTerm {
  /** Equal keys mean the same pods and the same topology. */
  key: string;
  topologyKey: string;
  /** The namespaces it names; the term's own pod's when it names none. */
  namespaces: readonly string[];
  selectsNamespaces: boolean;
  matches(other: corev1.Pod, namespaceLabels: (name: string) => Readonly<Record<string, string>>): boolean;
}

interface Keys {
  matchLabelKeys?: readonly string[];
  mismatchLabelKeys?: readonly string[];
}

/** The selector with the pod's own values for the keys it is to match. */
export function withLabelKeys(selector: Parameters<typeof labelSelectorMatcher>[0], keys: Keys, own: corev1.Pod): typeof selector {
  const labels = own.metadata?.labels ?? {};
  const requirement = (operator: string) => (key: string) => ({ key, operator, values: [labels[key]!] });
  const has = (key: string) => labels[key] !== undefined;
  const extra = [
    ...(keys.matchLabelKeys ?? []).filter(has).map(requirement('In')),
    ...(keys.mismatchLabelKeys ?? []).filter(has).map(requirement('NotIn')),
  ];
  if (!selector || extra.length === 0) return selector;
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...extra] };
}

/** Matchers and keys by the term object: caches hand out the same object for as long as the pod is as it is. */
const known = new WeakMap<corev1.PodAffinityTerm, { namespace: string; term: PodTerm }>();

export function podTerm(term: corev1.PodAffinityTerm, own: corev1.Pod): PodTerm {
  const namespace = own.metadata!.namespace!;
  const before = known.get(term);
  if (before?.namespace === namespace) return before.term;
  const selector = withLabelKeys(term.labelSelector, term, own);
  const selectsNamespaces = term.namespaceSelector !== undefined && term.namespaceSelector !== null;
  const namespaces = term.namespaces?.length || selectsNamespaces ? (term.namespaces ?? []) : [namespace];
  let labels: LabelSelector | undefined;
  const namespaceMatcher = selectsNamespaces ? labelSelectorMatcher(term.namespaceSelector) : undefined;
  const made: PodTerm = {
    key: JSON.stringify([term.topologyKey, namespaces, term.namespaceSelector ?? null, selector ?? null]),
    topologyKey: term.topologyKey,
    namespaces,
    selectsNamespaces,
    matches: (other, namespaceLabels) => {
      const where = other.metadata!.namespace!;
      if (!namespaces.includes(where) && !namespaceMatcher?.matches(namespaceLabels(where))) return false;
      labels ??= labelSelectorMatcher(selector);
      return labels.matches(other.metadata?.labels ?? {});
    },
  };
  known.set(term, { namespace, term: made });
  return made;
}
