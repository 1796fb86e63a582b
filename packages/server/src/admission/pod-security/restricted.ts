// The restricted level: current practice for hardening pods.
import type { corev1 } from '@tiphys/api';
import { isAllowedSeccomp, seccompProfile } from './baseline.ts';
import {
  allContainers,
  badValues,
  type CheckPod,
  containersText,
  finding,
  isWindows,
  namesWhere,
  plural,
  quotedList,
  settersText,
  sorted,
  usesUserNamespace,
} from './checks.ts';

export const exceptWindows =
  (check: CheckPod): CheckPod =>
  (spec, metadata) =>
    isWindows(spec) ? undefined : check(spec, metadata);

export const exceptUserNamespaces =
  (check: CheckPod): CheckPod =>
  (spec, metadata) =>
    usesUserNamespace(spec) ? undefined : check(spec, metadata);

export const allowPrivilegeEscalation: CheckPod = (spec) => {
  const bad = namesWhere(spec, (container) => container.securityContext?.allowPrivilegeEscalation !== false);
  return finding(
    bad.length > 0,
    'allowPrivilegeEscalation != false',
    () => `${containersText(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  );
};

export const capabilities: CheckPod = (spec) => {
  const added = (container: corev1.Container) =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(spec, (container) => !container.securityContext?.capabilities?.drop?.includes('ALL'));
  const adding = namesWhere(spec, (container) => added(container).length > 0);
  return finding(keeping.length > 0 || adding.length > 0, 'unrestricted capabilities', () => {
    const names = sorted(allContainers(spec).flatMap(added));
    return [
      ...(keeping.length > 0 ? [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length > 0 ? [`${containersText(adding)} must not include ${quotedList(names)} in securityContext.capabilities.add`] : []),
    ].join('; ');
  });
};

const VOLUME_TYPES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret'];

export const volumes: CheckPod = (spec) => {
  const typeOf = (volume: corev1.Volume) =>
    Object.keys(volume).find((key) => key !== 'name' && volume[key as keyof corev1.Volume] !== undefined) ?? 'unknown';
  const bad = (spec.volumes ?? []).filter((volume) => !VOLUME_TYPES.includes(typeOf(volume)));
  return finding(bad.length > 0, 'restricted volume types', () => {
    const types = sorted(bad.map(typeOf));
    const names = `${plural('volume', bad.length)} ${quotedList(bad.map((volume) => volume.name))}`;
    return `${names} ${plural('uses', bad.length, 'use')} ${plural('restricted volume type', types.length)} ${quotedList(types)}`;
  });
};

export const runAsNonRoot: CheckPod = (spec) => {
  const reason = 'runAsNonRoot != true';
  const { pod, containers } = badValues(
    spec,
    (security) => security.runAsNonRoot,
    (value) => !value,
  );
  if (pod || containers.length > 0) {
    return { reason, detail: `${settersText(pod, containers)} must not set securityContext.runAsNonRoot=false` };
  }
  if (spec.securityContext?.runAsNonRoot) return undefined;
  const silent = namesWhere(spec, (container) => container.securityContext?.runAsNonRoot === undefined);
  return finding(silent.length > 0, reason, () => `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true`);
};

export const runAsUser: CheckPod = (spec) => {
  const { pod, containers } = badValues(
    spec,
    (security) => security.runAsUser,
    (user) => user === 0,
  );
  return finding(pod || containers.length > 0, 'runAsUser=0', () => `${settersText(pod, containers)} must not set runAsUser=0`);
};

export const seccomp: CheckPod = (spec, metadata) => {
  const explicit = seccompProfile(spec, metadata);
  if (explicit) return explicit;
  const type = spec.securityContext?.seccompProfile?.type;
  if (type !== undefined && isAllowedSeccomp(type)) return undefined;
  const silent = namesWhere(spec, (container) => container.securityContext?.seccompProfile === undefined);
  return finding(
    silent.length > 0,
    'seccompProfile',
    () => `pod or ${containersText(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  );
};
