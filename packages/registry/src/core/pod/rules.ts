// Rules of creating and updating pods (apis/core/validation ValidatePodCreate, ValidatePodUpdate).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from '../../rules/equality.ts';
import type { Errors } from '../../rules/errors.ts';
import { checkImagePadding } from '../../rules/pod/containers.ts';
import { checkPodAnnotations, checkPodAnnotationUpdates, checkProfilesAgree } from '../../rules/pod/metadata.ts';
import { checkTolerations } from '../../rules/pod/placement.ts';
import { checkPodSpec } from '../../rules/pod/spec.ts';
import { specDifference } from './spec-difference.ts';

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
];
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const EMPTY_SPEC = {} as corev1.PodSpec;

export function checkPod(errors: Errors, pod: corev1.Pod, old?: corev1.Pod): void {
  const spec = pod.spec ?? EMPTY_SPEC;
  if (pod.metadata?.annotations) checkPodAnnotations(errors, 'metadata.annotations', pod.metadata.annotations, spec);
  checkPodSpec(errors, 'spec', spec, pod.metadata, { isPod: true, old: old?.spec });
  if (!spec.serviceAccountName) checkTokensHaveAccount(errors, spec);
  spec.containers?.forEach(({ image }, i) => {
    checkImagePadding(errors, `spec.containers[${i}].image`, image);
  });
  spec.initContainers?.forEach(({ image }, i) => {
    checkImagePadding(errors, `spec.initContainers[${i}].image`, image);
  });
}

function checkTokensHaveAccount(errors: Errors, spec: corev1.PodSpec): void {
  spec.volumes?.forEach(({ projected }, i) => {
    projected?.sources?.forEach((source, j) => {
      if (!source.serviceAccountToken) return;
      const at = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`;
      errors.push(fieldError.forbidden(at, 'must not be specified when serviceAccountName is not set'));
    });
  });
}

export function validatePodCreate(pod: corev1.Pod): Errors {
  const errors: Errors = [];
  checkPod(errors, pod);
  const spec = pod.spec ?? EMPTY_SPEC;
  if (spec.ephemeralContainers?.length) errors.push(fieldError.forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(fieldError.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  checkProfilesAgree(errors, pod);
  return errors;
}

function checkContainerUpdates(
  errors: Errors,
  path: string,
  given: readonly corev1.Container[] | null | undefined,
  before: readonly corev1.Container[] = [],
): boolean {
  const containers = given ?? [];
  if (containers.length !== before.length) {
    errors.push(fieldError.forbidden(path, 'pod updates may not add or remove containers'));
    return false;
  }
  containers.forEach(({ image }, i) => {
    if (!image) errors.push(fieldError.required(`${path}[${i}].image`));
    checkImagePadding(errors, `${path}[${i}].image`, image);
  });
  return true;
}

const INT32_MAX = 2 ** 31 - 1;

function checkDeadline(errors: Errors, now: number | undefined, before: number | undefined): boolean {
  const path = 'spec.activeDeadlineSeconds';
  if (now === undefined) {
    if (before !== undefined) errors.push(fieldError.invalid(path, null, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (now < 0 || now > INT32_MAX) {
    errors.push(fieldError.invalid(path, now, `must be between 0 and ${INT32_MAX}, inclusive`));
    return false;
  }
  if (before !== undefined && before < now) {
    errors.push(fieldError.invalid(path, now, 'must be less than or equal to previous value'));
    return false;
  }
  return true;
}

function checkAddedTolerations(errors: Errors, now: readonly corev1.Toleration[] = [], before: readonly corev1.Toleration[] = []): void {
  const same = (a: corev1.Toleration, b: corev1.Toleration) =>
    sameValue({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined });
  if (before.some((old) => !now.some((toleration) => same(toleration, old)))) {
    errors.push(fieldError.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
    return;
  }
  checkTolerations(errors, 'spec.tolerations', now);
}

function checkRemovedGates(
  errors: Errors,
  now: readonly corev1.PodSchedulingGate[] = [],
  before: readonly corev1.PodSchedulingGate[] = [],
): void {
  now.forEach(({ name }, i) => {
    if (before.some((gate) => gate.name === name)) return;
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(fieldError.forbidden(`spec.schedulingGates[${i}].name`, why));
  });
}

export function validatePodUpdate(pod: corev1.Pod, old: corev1.Pod): Errors {
  const errors: Errors = [];
  checkPod(errors, pod, old);
  checkPodAnnotationUpdates(errors, 'metadata.annotations', pod, old);
  const [spec, before] = [pod.spec ?? EMPTY_SPEC, old.spec ?? EMPTY_SPEC];
  if (!checkContainerUpdates(errors, 'spec.containers', spec.containers, before.containers)) return errors;
  if (!checkContainerUpdates(errors, 'spec.initContainers', spec.initContainers, before.initContainers)) return errors;
  if (!checkDeadline(errors, spec.activeDeadlineSeconds, before.activeDeadlineSeconds)) return errors;
  checkAddedTolerations(errors, spec.tolerations, before.tolerations);
  checkRemovedGates(errors, spec.schedulingGates, before.schedulingGates);
  if (sameValue(spec, before)) return errors;
  const munged = withoutAllowedChanges(errors, spec, before);
  if (!sameValue(munged, before)) {
    const why = `pod updates may not change fields other than ${UPDATABLE.join(',')}\n${specDifference(before, munged)}`;
    errors.push(fieldError.forbidden('spec', why));
  }
  return errors;
}

/** The new spec with every change undone that is allowed, so that what is left is not. */
function withoutAllowedChanges(errors: Errors, spec: corev1.PodSpec, before: corev1.PodSpec): corev1.PodSpec {
  const withOldImages = (containers: corev1.Container[] | undefined, old: readonly corev1.Container[] = []) =>
    containers?.map((container, i) => ({ ...container, image: old[i]!.image }));
  const munged: corev1.PodSpec = {
    ...spec,
    containers: withOldImages(spec.containers, before.containers)!,
    initContainers: withOldImages(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
  };
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = before.terminationGracePeriodSeconds;
  }
  if (before.schedulingGates?.length) allowNarrowing(errors, munged, before);
  return munged;
}

/** While a pod waits behind gates, its node selector and node affinity may become stricter. */
function allowNarrowing(errors: Errors, spec: corev1.PodSpec, before: corev1.PodSpec): void {
  for (const key in before.nodeSelector) {
    if (spec.nodeSelector?.[key] === before.nodeSelector[key]) continue;
    const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    errors.push(fieldError.invalid('spec.nodeSelector', spec.nodeSelector, why));
    break;
  }
  spec.nodeSelector = before.nodeSelector;
  const [now, old] = [spec.affinity?.nodeAffinity, before.affinity?.nodeAffinity];
  if (sameValue(now, old)) return;
  checkAffinityNarrowing(errors, now, old);
  const { nodeAffinity: _dropped, ...rest } = spec.affinity ?? {};
  spec.affinity = old ? { ...rest, nodeAffinity: old } : Object.keys(rest).length ? rest : undefined;
}

function checkAffinityNarrowing(errors: Errors, now: corev1.NodeAffinity | undefined, old: corev1.NodeAffinity | undefined): void {
  const path = `spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
  if (!old?.[REQUIRED]) return;
  const before = old[REQUIRED].nodeSelectorTerms ?? [];
  const terms = now?.[REQUIRED]?.nodeSelectorTerms ?? [];
  if (before.length && before.length !== terms.length) {
    const why = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    errors.push(fieldError.invalid(path, terms, why));
    return;
  }
  before.forEach((term, i) => {
    const next = terms[i]!;
    const grows = (name: 'matchExpressions' | 'matchFields') => {
      const count = term[name]?.length ?? 0;
      return count === 0 || sameValue((next[name] ?? []).slice(0, count), term[name]);
    };
    const wasEmpty = !term.matchExpressions?.length && !term.matchFields?.length;
    const fills = wasEmpty && Boolean(next.matchExpressions?.length || next.matchFields?.length);
    if (fills || !grows('matchExpressions') || !grows('matchFields')) {
      errors.push(fieldError.invalid(`${path}[${i}]`, next, 'only additions are allowed (no mutations or deletions)'));
    }
  });
}
