// Whether a pod may be on a node: node selector, required affinity and taints (component-helpers scheduling/corev1).
import type { corev1 } from '@tiphys/api';
import { labelsOf, nameOf } from '../runtime/objects.ts';

type Requirement = corev1.NodeSelectorRequirement;

const INTEGER = /^[+-]?[0-9]+$/;

function requirementHolds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
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
      const [limit] = values;
      if (value === undefined || limit === undefined || !INTEGER.test(value) || !INTEGER.test(limit)) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit);
    }
    default:
      return false;
  }
}

/** A term without any requirement matches nothing. */
function termHolds(term: corev1.NodeSelectorTerm, node: corev1.Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => requirementHolds(requirement, labelsOf(node)[requirement.key])) &&
    matchFields.every((requirement) => requirement.key === 'metadata.name' && requirementHolds(requirement, nameOf(node)))
  );
}

export function fitsAffinity(spec: corev1.PodSpec | undefined, node: corev1.Node): boolean {
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) if (labelsOf(node)[key] !== value) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => termHolds(term, node));
}

function tolerates({ key = '', operator = 'Equal', value = '', effect = '' }: corev1.Toleration, taint: corev1.Taint): boolean {
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (operator === 'Equal' || operator === '' ? value === (taint.value ?? '') : false);
}

/** Every taint with one of the effects is tolerated. */
export function fitsTaints(tolerations: readonly corev1.Toleration[], node: corev1.Node, effects: readonly string[]): boolean {
  return (node.spec?.taints ?? []).every(
    (taint) => !effects.includes(taint.effect) || tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}
