// Whether a node is one that a pod asks for (component-helpers scheduling/corev1/nodeaffinity).
import type { corev1 } from '@tiphys/api';

type Labels = Readonly<Record<string, string>>;

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined;
}

function requirementHolds(requirement: corev1.NodeSelectorRequirement, labels: Labels): boolean {
  const value = labels[requirement.key];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const have = integer(value);
      const limit = integer(values[0]);
      if (have === undefined || limit === undefined) return false;
      return requirement.operator === 'Gt' ? have > limit : have < limit;
    }
    default:
      return false;
  }
}

function termHolds(term: corev1.NodeSelectorTerm, node: corev1.Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const names = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    expressions.every((requirement) => requirementHolds(requirement, node.metadata?.labels ?? {})) &&
    fields.every((requirement) => requirementHolds(requirement, names))
  );
}

/** Terms are alternatives; a selector without terms matches nothing. */
export function matchesNodeSelector(selector: corev1.NodeSelector, node: corev1.Node): boolean {
  return (selector.nodeSelectorTerms ?? []).some((term) => termHolds(term, node));
}

/** spec.nodeSelector and required node affinity, both. */
export function matchesNodeAffinity(spec: corev1.PodSpec, node: corev1.Node): boolean {
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || matchesNodeSelector(required, node);
}

/** Sum of the weights of the preferred terms that the node meets. */
export function preferredNodeAffinityWeight(spec: corev1.PodSpec, node: corev1.Node): number {
  let sum = 0;
  for (const { weight, preference } of spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    if (weight !== 0 && (isEmptyTerm(preference) || termHolds(preference, node))) sum += weight;
  return sum;
}

const isEmptyTerm = (term: corev1.NodeSelectorTerm) => !term.matchExpressions?.length && !term.matchFields?.length;
