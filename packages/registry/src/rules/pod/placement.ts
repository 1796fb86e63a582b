// Where a pod may run: affinity, tolerations, topology spread (apis/core/validation validateAffinity and what follows).
import type { corev1, metav1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, maybeOneOf, positive } from '../errors.ts';
import { isLabelValue, nameIsLabel, nameIsSubdomain } from '../formats.ts';
import { checkLabelName, checkLabelSelector } from '../labels.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function checkNodeRequirement(errors: Errors, path: string, requirement: corev1.NodeSelectorRequirement, checkValues: boolean): void {
  const { operator, values = [], key } = requirement;
  const at = `${path}.values`;
  if (operator === 'In' || operator === 'NotIn') {
    if (!values.length) errors.push(fieldError.required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length) errors.push(fieldError.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) errors.push(fieldError.required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else errors.push(fieldError.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  checkLabelName(errors, `${path}.key`, key);
  if (!checkValues) return;
  values.forEach((value, i) => {
    complain(errors, `${at}[${i}]`, value, isLabelValue(value));
  });
}

function checkNodeField(errors: Errors, path: string, { operator, key, values = [] }: corev1.NodeSelectorRequirement): void {
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    if (values.length !== 1) errors.push(fieldError.required(`${path}.values`, why));
  } else errors.push(fieldError.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  if (key !== 'metadata.name') {
    errors.push(fieldError.invalid(`${path}.key`, key ?? '', 'not a valid field selector key'));
    return;
  }
  values.forEach((value, i) => {
    complain(errors, `${path}.values[${i}]`, value, nameIsSubdomain(value, false));
  });
}

function checkNodeTerm(errors: Errors, path: string, term: corev1.NodeSelectorTerm | undefined, checkValues: boolean): void {
  term?.matchExpressions?.forEach((requirement, i) => {
    checkNodeRequirement(errors, `${path}.matchExpressions[${i}]`, requirement, checkValues);
  });
  term?.matchFields?.forEach((requirement, i) => {
    checkNodeField(errors, `${path}.matchFields[${i}]`, requirement);
  });
}

/** A node selector that must have terms: required node affinity, and that of volumes. */
export function checkNodeSelector(errors: Errors, path: string, selector: corev1.NodeSelector): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (!terms.length) errors.push(fieldError.required(`${path}.nodeSelectorTerms`, 'must have at least one node selector term'));
  terms.forEach((term, i) => {
    checkNodeTerm(errors, `${path}.nodeSelectorTerms[${i}]`, term, true);
  });
}

function checkWeight(errors: Errors, path: string, weight: number | undefined): void {
  if (!weight || weight < 0 || weight > 100) errors.push(fieldError.invalid(path, weight ?? 0, 'must be in the range 1-100'));
}

function checkNodeAffinity(errors: Errors, path: string, affinity: corev1.NodeAffinity | undefined): void {
  if (affinity?.[REQUIRED]) checkNodeSelector(errors, `${path}.${REQUIRED}`, affinity[REQUIRED]);
  affinity?.[PREFERRED]?.forEach(({ weight, preference }, i) => {
    checkWeight(errors, `${path}.${PREFERRED}[${i}].weight`, weight);
    checkNodeTerm(errors, `${path}.${PREFERRED}[${i}].preference`, preference, false);
  });
}

function checkLabelKeys(errors: Errors, path: string, keys: readonly string[], selector: metav1.LabelSelector | undefined): void {
  if (!keys.length) return;
  if (!selector) errors.push(fieldError.forbidden(path, 'must not be specified when labelSelector is not set'));
  else {
    keys.forEach((key, i) => {
      checkLabelName(errors, `${path}[${i}]`, key);
    });
  }
}

function checkMatchLabelKeys(
  errors: Errors,
  path: string,
  matching: readonly string[],
  mismatching: readonly string[],
  selector: metav1.LabelSelector | undefined,
): void {
  checkLabelKeys(errors, `${path}.matchLabelKeys`, matching, selector);
  checkLabelKeys(errors, `${path}.mismatchLabelKeys`, mismatching, selector);
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const i = matching.indexOf(key);
    if (i >= 0 && seen.has(key)) {
      errors.push(fieldError.invalid(`${path}[${i}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    }
    seen.add(key);
  }
  matching.forEach((key, i) => {
    if (mismatching.includes(key)) {
      errors.push(fieldError.invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
    }
  });
}

function checkPodTerm(errors: Errors, path: string, term: corev1.PodAffinityTerm | undefined): void {
  checkLabelSelector(errors, `${path}.labelSelector`, term?.labelSelector);
  checkLabelSelector(errors, `${path}.namespaceSelector`, term?.namespaceSelector);
  for (const name of term?.namespaces ?? []) complain(errors, `${path}.namespace`, name, nameIsLabel(name, false));
  checkMatchLabelKeys(errors, path, term?.matchLabelKeys ?? [], term?.mismatchLabelKeys ?? [], term?.labelSelector);
  if (!term?.topologyKey) errors.push(fieldError.required(`${path}.topologyKey`, 'can not be empty'));
  checkLabelName(errors, `${path}.topologyKey`, term?.topologyKey);
}

function checkPodAffinity(errors: Errors, path: string, affinity: corev1.PodAffinity | corev1.PodAntiAffinity | undefined): void {
  affinity?.[REQUIRED]?.forEach((term, i) => {
    checkPodTerm(errors, `${path}.${REQUIRED}[${i}]`, term);
  });
  affinity?.[PREFERRED]?.forEach(({ weight, podAffinityTerm }, i) => {
    checkWeight(errors, `${path}.${PREFERRED}[${i}].weight`, weight);
    checkPodTerm(errors, `${path}.${PREFERRED}[${i}].podAffinityTerm`, podAffinityTerm);
  });
}

export function checkAffinity(errors: Errors, path: string, affinity: corev1.Affinity | undefined): void {
  if (!affinity) return;
  checkNodeAffinity(errors, `${path}.nodeAffinity`, affinity.nodeAffinity);
  checkPodAffinity(errors, `${path}.podAffinity`, affinity.podAffinity);
  checkPodAffinity(errors, `${path}.podAntiAffinity`, affinity.podAntiAffinity);
}

export function checkTaintEffect(errors: Errors, path: string, effect: string | undefined): void {
  if (!effect) errors.push(fieldError.required(path));
  else if (!EFFECTS.includes(effect)) errors.push(fieldError.notSupported(path, effect, EFFECTS));
}

export function checkTolerations(errors: Errors, path: string, tolerations: readonly corev1.Toleration[] | undefined): void {
  tolerations?.forEach((toleration, i) => {
    const at = `${path}[${i}]`;
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    if (key) checkLabelName(errors, `${at}.key`, key);
    else if (operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(fieldError.invalid(`${at}.operator`, operator, why));
    }
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(fieldError.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === 'Equal' || operator === '') {
      const wrong = isLabelValue(value);
      if (wrong.length) errors.push(fieldError.invalid(`${at}.operator`, value, wrong.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(fieldError.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else {
      const known = operator === 'Lt' || operator === 'Gt' ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists'];
      errors.push(fieldError.notSupported(`${at}.operator`, operator, known));
    }
    if (effect) checkTaintEffect(errors, `${at}.effect`, effect);
  });
}

export function checkTopologySpread(
  errors: Errors,
  path: string,
  constraints: readonly corev1.TopologySpreadConstraint[] | undefined,
): void {
  const pair = ({ topologyKey, whenUnsatisfiable }: corev1.TopologySpreadConstraint) =>
    `{${topologyKey ?? ''}, ${whenUnsatisfiable ?? ''}}`;
  const last = new Map(constraints?.map((constraint, i) => [pair(constraint), i]));
  constraints?.forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    const { topologyKey = '', whenUnsatisfiable = '', minDomains } = constraint;
    positive(errors, `${at}.maxSkew`, constraint.maxSkew);
    if (!topologyKey) errors.push(fieldError.required(`${at}.topologyKey`, 'can not be empty'));
    if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway') {
      errors.push(fieldError.notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    }
    if (last.get(pair(constraint))! > i) errors.push(fieldError.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair(constraint)));
    if (minDomains !== undefined) {
      positive(errors, `${at}.minDomains`, minDomains);
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, why));
      }
    }
    maybeOneOf(errors, `${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, ['Honor', 'Ignore']);
    maybeOneOf(errors, `${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, ['Honor', 'Ignore']);
    checkMatchLabelKeys(errors, at, constraint.matchLabelKeys ?? [], [], constraint.labelSelector);
    checkLabelSelector(errors, `${at}.labelSelector`, constraint.labelSelector);
  });
}
