// Advice about labels of nodes that nobody should use any more (api/node/util.go).
import type { corev1, metav1 } from '@tiphys/api';
import { isLabelValue } from './formats.ts';

export type Warn = (text: string) => void;

export const NODE_LABELS: Record<string, string> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

/** `checkValues`: that a value can't match, where validation doesn't ask (api/node/util.go GetWarningsForNodeSelectorTerm). */
export function warnAboutNodeTerm(warn: Warn, path: string, term: corev1.NodeSelectorTerm | undefined, checkValues: boolean): void {
  term?.matchExpressions?.forEach(({ key, values = [] }, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    if (NODE_LABELS[key]) warn(`${at}.key: ${key} is ${NODE_LABELS[key]}`);
    if (!checkValues) return;
    values.forEach((value, j) => {
      for (const message of isLabelValue(value)) warn(`${at}.values[${j}]: ${value} is invalid, ${message}`);
    });
  });
}

/** Of a selector that picks nodes by labels. */
export function warnAboutNodeLabels(warn: Warn, path: string, selector: metav1.LabelSelector | undefined): void {
  selector?.matchExpressions?.forEach(({ key }, i) => {
    if (NODE_LABELS[key]) warn(`${path}.matchExpressions[${i}].key: ${key} is ${NODE_LABELS[key]}`);
  });
  for (const key in selector?.matchLabels) if (NODE_LABELS[key]) warn(`${path}.matchLabels.${key}: ${NODE_LABELS[key]}`);
}
