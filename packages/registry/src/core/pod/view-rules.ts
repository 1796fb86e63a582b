// Rules of pods/ephemeralcontainers and pods/resize (apis/core/validation ValidatePodEphemeralContainersUpdate, ValidatePodResize).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from '../../rules/equality.ts';
import type { Errors } from '../../rules/errors.ts';
import { checkPodAnnotationUpdates, isMirrorPod } from '../../rules/pod/metadata.ts';
import { isSidecar } from '../../rules/pod/scope.ts';
import { qualityOfService } from './quality-of-service.ts';
import { checkPod } from './rules.ts';
import { specDifference } from './spec-difference.ts';

export function validateEphemeralContainers(pod: corev1.Pod, old: corev1.Pod): Errors {
  const errors: Errors = [];
  checkPod(errors, pod);
  checkPodAnnotationUpdates(errors, 'metadata.annotations', pod, old);
  if (isMirrorPod(old)) return [fieldError.forbidden('', 'static pods do not support ephemeral containers')];
  const path = 'spec.ephemeralContainers';
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const now = pod.spec?.ephemeralContainers?.find(({ name }) => name === before.name);
    const subject = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!now) errors.push(fieldError.forbidden(path, `${subject} may not be removed\n`));
    else if (!sameValue(now, before)) {
      errors.push(fieldError.forbidden(path, `${subject} may not be changed\n${specDifference(before, now)}`));
    }
  }
  return errors;
}

type Resources = corev1.ResourceRequirements | undefined;

const removed = (now: Record<string, unknown> = {}, before: Record<string, unknown> = {}) =>
  Object.keys(before).some((name) => !(name in now));

function withoutCompute(resources: Resources, before: Resources): corev1.ResourceRequirements {
  const munge = (now: Record<string, any> = {}, old: Record<string, any> = {}) => {
    const { cpu: _cpu, memory: _memory, ...rest } = now;
    for (const name of ['cpu', 'memory']) if (old[name] !== undefined) rest[name] = old[name];
    return rest;
  };
  return { limits: munge(resources?.limits, before?.limits), requests: munge(resources?.requests, before?.requests) };
}

function checkOrder(errors: Errors, kind: 'containers' | 'initContainers', pod: corev1.PodSpec, old: corev1.PodSpec): void {
  const [now, before] = [pod[kind] ?? [], old[kind] ?? []];
  if (now.length !== before.length) {
    errors.push(fieldError.forbidden(`spec.${kind}`, `${kind} may not be added or removed on resize`));
    return;
  }
  before.forEach(({ name }, i) => {
    if (now[i]!.name === name) return;
    errors.push(fieldError.forbidden(`spec.${kind}[${i}].name`, `${kind} may not be renamed or reordered on resize`));
  });
}

function checkRemoved(errors: Errors, path: string, what: string, now: Resources, before: Resources): void {
  if (removed(now?.requests, before?.requests)) errors.push(fieldError.forbidden(`${path}.requests`, `${what} requests cannot be removed`));
  if (removed(now?.limits, before?.limits)) errors.push(fieldError.forbidden(`${path}.limits`, `${what} limits cannot be removed`));
}

const hasResources = (resources: Resources) =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;

function checkPodLevel(errors: Errors, spec: corev1.PodSpec, before: corev1.PodSpec): void {
  if (!hasResources(spec.resources) && !hasResources(before.resources)) return;
  if (before.resources && !spec.resources) {
    errors.push(fieldError.forbidden('spec.resources', 'pod-level resources cannot be removed'));
    return;
  }
  if (before.resources) checkRemoved(errors, 'spec.resources', 'pod-level resource', spec.resources, before.resources);
  if (!sameValue(withoutCompute(spec.resources, before.resources), withoutCompute(before.resources, before.resources))) {
    errors.push(fieldError.forbidden('spec', 'only cpu and memory resources are mutable at pod-level'));
  }
}

export function validateResize(pod: corev1.Pod, old: corev1.Pod): Errors {
  const errors: Errors = [];
  checkPod(errors, pod);
  if (isMirrorPod(old)) return [fieldError.forbidden('', 'static pods cannot be resized')];
  if (old.spec?.os?.name === 'windows') return [fieldError.forbidden('', 'windows pods cannot be resized')];
  const [spec, before] = [pod.spec ?? ({} as corev1.PodSpec), old.spec ?? ({} as corev1.PodSpec)];
  if ((old.status?.qosClass || qualityOfService(before)) !== qualityOfService(spec)) {
    errors.push(fieldError.invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) errors.push(fieldError.forbidden('spec', 'Pod running on node without support for resize'));
  checkPodLevel(errors, spec, before);
  const count = errors.length;
  checkOrder(errors, 'containers', spec, before);
  checkOrder(errors, 'initContainers', spec, before);
  if (errors.length > count) return errors;
  for (const kind of ['initContainers', 'containers'] as const) {
    before[kind]?.forEach((container, i) => {
      checkContainerResize(errors, kind, i, spec[kind]![i]!, container);
    });
  }
  const { containers: _c, initContainers: _i, resources: _r, ...rest } = spec;
  const { containers: _bc, initContainers: _bi, resources: _br, ...restBefore } = before;
  if (!errors.length && !sameValue(rest, restBefore)) {
    errors.push(fieldError.forbidden('spec', 'only cpu and memory resources are mutable'));
  }
  return errors;
}

function checkContainerResize(
  errors: Errors,
  kind: 'containers' | 'initContainers',
  i: number,
  now: corev1.Container,
  before: corev1.Container,
): void {
  const path = `spec.${kind}[${i}]`;
  checkRemoved(errors, `${path}.resources`, 'resource', now.resources, before.resources);
  const munged = { ...now, resources: withoutCompute(now.resources, before.resources) };
  const isInit = kind === 'initContainers';
  if (!sameValue(munged, { ...before, resources: withoutCompute(before.resources, before.resources) })) {
    const why = isInit
      ? 'only cpu and memory resources for init or sidecar containers are mutable'
      : 'only cpu and memory resources are mutable';
    errors.push(fieldError.forbidden(isInit ? path : 'spec', why));
  }
  const restartsOnResize = now.resizePolicy?.some(({ restartPolicy }) => restartPolicy === 'RestartContainer');
  if (isInit && !isSidecar(now) && restartsOnResize && !sameValue(now, before)) {
    errors.push(fieldError.forbidden(path, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'));
  }
}
