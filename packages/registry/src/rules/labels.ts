// Labels, annotations and label selectors (apimachinery apis/meta/v1/validation, api/validation/objectmeta.go).
import type { metav1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from './errors.ts';
import { byteLength, isLabelValue, isQualifiedName } from './formats.ts';

export function checkLabelName(errors: Errors, path: string, name: string | undefined): void {
  complain(errors, path, name ?? '', isQualifiedName(name ?? ''));
}

export function checkLabels(errors: Errors, path: string, labels: Record<string, string> | undefined): void {
  for (const key in labels) {
    checkLabelName(errors, path, key);
    const value = labels[key] ?? '';
    complain(errors, path, value, isLabelValue(value));
  }
}

export const ANNOTATIONS_BYTES_MAX = 256 * 1024;

export function checkAnnotations(errors: Errors, path: string, annotations: Record<string, string> | undefined): void {
  let size = 0;
  for (const key in annotations) {
    complain(errors, path, key, isQualifiedName(key.toLowerCase()));
    size += byteLength(key) + byteLength(annotations[key] ?? '');
  }
  if (size > ANNOTATIONS_BYTES_MAX) errors.push(fieldError.tooLong(path, ANNOTATIONS_BYTES_MAX));
}

export function checkLabelSelector(errors: Errors, path: string, selector: metav1.LabelSelector | undefined): void {
  if (!selector) return;
  if (selector.matchLabels) checkLabels(errors, `${path}.matchLabels`, selector.matchLabels);
  selector.matchExpressions?.forEach((requirement, i) => {
    checkRequirement(errors, `${path}.matchExpressions[${i}]`, requirement);
  });
}

function checkRequirement(errors: Errors, path: string, requirement: metav1.LabelSelectorRequirement): void {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (!values.length) {
        errors.push(fieldError.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length) {
        errors.push(fieldError.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    default:
      errors.push(fieldError.invalid(`${path}.operator`, requirement.operator ?? '', 'not a valid selector operator'));
  }
  checkLabelName(errors, `${path}.key`, requirement.key);
  values.forEach((value, i) => {
    complain(errors, `${path}.values[${i}]`, value, isLabelValue(value));
  });
}

/** Whether the selector matches these labels; one without terms matches all, undefined matches none. */
export function selectorMatches(selector: metav1.LabelSelector | undefined, labels: Record<string, string> = {}): boolean {
  if (!selector) return false;
  for (const key in selector.matchLabels) if (labels[key] !== selector.matchLabels[key]) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const has = Object.hasOwn(labels, key);
    if (operator === 'In') return has && values.includes(labels[key]!);
    if (operator === 'NotIn') return !has || !values.includes(labels[key]!);
    return operator === 'Exists' ? has : !has;
  });
}

export const isEmptySelector = (selector: metav1.LabelSelector | undefined) =>
  !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length;

/** A selector as text, as tables show it and clients send it; `<none>` without terms. */
export function selectorText(selector: metav1.LabelSelector | undefined): string {
  const terms = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` })),
    ...(selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return { key, text: key };
      if (operator === 'DoesNotExist') return { key, text: `!${key}` };
      const sorted = [...values].sort().join(',');
      return { key, text: `${key} ${operator === 'In' ? 'in' : 'notin'} (${sorted})` };
    }),
  ];
  if (!terms.length) return '<none>';
  terms.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return terms.map(({ text }) => text).join(',');
}
