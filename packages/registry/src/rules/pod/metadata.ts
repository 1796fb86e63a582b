// Annotations that mean something to pods (apis/core/validation ValidatePodSpecificAnnotations and its updates).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../errors.ts';
import { checkDescending } from './paths.ts';
import { eachContainer } from './scope.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const INT32_MAX = 2 ** 31 - 1;

function isInt32(text: string): boolean {
  return (text === '0' || /^-?[1-9]\d*$/.test(text)) && Number(text) <= INT32_MAX && Number(text) >= -INT32_MAX - 1;
}

function checkSeccompProfile(errors: Errors, path: string, profile: string): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return;
  if (profile.startsWith('localhost/')) checkDescending(errors, path, profile.slice('localhost/'.length));
  else errors.push(fieldError.invalid(path, profile, 'must be a valid seccomp profile'));
}

/** Rules of a pod's or template's annotations; path is that of the annotations. */
export function checkPodAnnotations(
  errors: Errors,
  path: string,
  annotations: Record<string, string> | undefined,
  spec: corev1.PodSpec,
): void {
  for (const key in annotations) {
    const value = annotations[key]!;
    if (key === MIRROR) {
      if (!spec.nodeName) {
        errors.push(fieldError.invalid(`${path}[${key}]`, value, 'must set spec.nodeName if mirror pod annotation is set'));
      }
    } else if (key === DELETION_COST) {
      if (!isInt32(value)) errors.push(fieldError.invalid(`${path}[${key}]`, value, 'must be a 32bit integer'));
    } else if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) {
      checkSeccompProfile(errors, `${path}.${key}`, value);
    } else if (key.startsWith(APPARMOR)) {
      checkAppArmor(errors, `${path}[${key}]`, key.slice(APPARMOR.length), value, spec);
    }
  }
}

function checkAppArmor(errors: Errors, path: string, container: string, profile: string, spec: corev1.PodSpec): void {
  let found = false;
  eachContainer(spec, 'spec', ({ name }) => {
    found ||= name === container;
  });
  if (!found) errors.push(fieldError.invalid(path, container, 'container not found'));
  if (profile && profile !== 'runtime/default' && profile !== 'unconfined' && !profile.startsWith('localhost/')) {
    errors.push(fieldError.invalid(path, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`));
  }
}

/** Annotations that stay as they were made. */
export function checkPodAnnotationUpdates(errors: Errors, path: string, pod: corev1.Pod, old: corev1.Pod): void {
  const [now, before] = [pod.metadata?.annotations ?? {}, old.metadata?.annotations ?? {}];
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (now[key] === before[key]) continue;
    const subject = key.startsWith(APPARMOR) ? 'AppArmor annotations' : key === MIRROR ? 'mirror pod annotation' : undefined;
    if (!subject) continue;
    const action = key in before ? 'may not remove or update' : 'may not add';
    errors.push(fieldError.forbidden(`${path}[${key}]`, `${action} ${subject}`));
  }
}

/** An annotation of old and the field that replaced it must agree (validateSeccompAnnotationsAndFields and its AppArmor twin). */
export function checkProfilesAgree(errors: Errors, pod: corev1.Pod): void {
  const annotations = pod.metadata?.annotations;
  if (!annotations) return;
  const { spec } = pod;
  if (!spec) return;
  const check = (path: string, what: string, text: string | undefined, profile: corev1.SeccompProfile | undefined) => {
    if (text === undefined || !profile) return;
    const local = text.startsWith('localhost/') ? text.slice('localhost/'.length) : undefined;
    const type =
      local !== undefined ? 'Localhost' : text === 'unconfined' ? 'Unconfined' : text === 'runtime/default' ? 'RuntimeDefault' : text;
    const docker = what === 'seccomp' && text === 'docker/default' && profile.type === 'RuntimeDefault';
    if (type !== profile.type && !docker) {
      errors.push(fieldError.forbidden(`${path}.type`, `${what} type in annotation and field must match`));
    } else if (local !== undefined && local !== profile.localhostProfile) {
      errors.push(fieldError.forbidden(`${path}.localhostProfile`, `${what} profile in annotation and field must match`));
    }
  };
  check('spec.securityContext.seccompProfile', 'seccomp', annotations[SECCOMP_POD], spec.securityContext?.seccompProfile);
  eachContainer(spec, 'spec', ({ name, securityContext }, path) => {
    const at = `${path}.securityContext`;
    check(`${at}.seccompProfile`, 'seccomp', annotations[SECCOMP_CONTAINER + name], securityContext?.seccompProfile);
    const appArmor = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    if (spec.os?.name !== 'windows') check(`${at}.appArmorProfile`, 'apparmor', annotations[APPARMOR + name], appArmor);
  });
}

export const isMirrorPod = (pod: corev1.Pod) => pod.metadata?.annotations?.[MIRROR] !== undefined;
