// Pod templates of workloads and the selectors that must match them (apis/core/validation ValidatePodTemplateSpec, apis/apps).

import type { corev1, metav1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { append } from '@tiphys/std';
import type { Errors } from './errors.ts';
import { checkAnnotations, checkLabelSelector, checkLabels, isEmptySelector, selectorMatches } from './labels.ts';
import { checkPodAnnotations, checkProfilesAgree } from './pod/metadata.ts';
import { checkPodSpec } from './pod/spec.ts';

const NO_SPEC = {} as corev1.PodSpec;

/** `old`: the template that an update starts from. */
export function checkTemplate(
  errors: Errors,
  path: string,
  template: corev1.PodTemplateSpec | undefined,
  old?: corev1.PodTemplateSpec,
): void {
  const [meta, spec] = [template?.metadata ?? {}, template?.spec ?? NO_SPEC];
  if (meta.labels) checkLabels(errors, `${path}.labels`, meta.labels);
  if (meta.annotations) {
    checkAnnotations(errors, `${path}.annotations`, meta.annotations);
    checkPodAnnotations(errors, `${path}.annotations`, meta.annotations, spec);
  }
  checkPodSpec(errors, `${path}.spec`, spec, undefined, { isPod: false, old: old?.spec });
  if (meta.annotations) {
    const inner: Errors = [];
    checkProfilesAgree(inner, { metadata: meta, spec });
    append(
      errors,
      inner.map((error) => ({ ...error, field: `${path}.${error.field}` })),
    );
  }
  if (spec.ephemeralContainers?.length) {
    errors.push(fieldError.forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  }
}

/** What a workload that runs for ever may not say in its template. */
export function checkRunsForever(errors: Errors, path: string, template: corev1.PodTemplateSpec | undefined, kind: string): void {
  const spec = template?.spec;
  const policy = spec?.restartPolicy ?? '';
  if (policy !== 'Always') errors.push(fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ['Always']));
  if (spec?.activeDeadlineSeconds !== undefined) {
    errors.push(fieldError.forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`));
  }
}

/** Whether upstream can make a selector of it at all. */
export function isUsableSelector(selector: metav1.LabelSelector | undefined): boolean {
  const errors: Errors = [];
  checkLabelSelector(errors, '', selector);
  return errors.length === 0;
}

export function checkSelectorMatches(
  errors: Errors,
  path: string,
  selector: metav1.LabelSelector | undefined,
  template: corev1.PodTemplateSpec | undefined,
): void {
  if (!isUsableSelector(selector) || (selector && isEmptySelector(selector))) return;
  const labels = template?.metadata?.labels;
  if (selectorMatches(selector, labels)) return;
  errors.push(fieldError.invalid(`${path}.metadata.labels`, labels ?? null, '`selector` does not match template `labels`'));
}

/** A workload's own selector: there, valid, and not empty. */
export function checkWorkloadSelector(errors: Errors, path: string, selector: metav1.LabelSelector | undefined, kind: string): boolean {
  if (!selector) {
    errors.push(fieldError.required(path));
    return true;
  }
  checkLabelSelector(errors, path, selector);
  if (isEmptySelector(selector)) errors.push(fieldError.invalid(path, selector, `empty selector is invalid for ${kind}`));
  return isUsableSelector(selector);
}
