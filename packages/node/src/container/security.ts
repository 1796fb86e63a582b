// Security contexts of pods and containers as CRI wants them (kuberuntime/security_context.go, pkg/securitycontext/util.go). Pure.
import type { corev1 } from '@tiphys/api';
import type { LinuxContainerSecurityContext, LinuxSandboxSecurityContext, NamespaceOption, SecurityProfile } from '../cri/generated/cri.ts';
import { NamespaceMode, ProfileType, SupplementalGroupsPolicy } from '../cri/generated/cri.ts';
import { isHostNetwork, podText } from '../pod-worker/pod-runtime.ts';
import { ConfigurationError } from './environment.ts';

const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface ImageUser {
  uid?: number;
  username?: string;
}

/** The container's own settings over the pod's. */
export function effectiveSecurity(pod: corev1.Pod, container: corev1.Container): corev1.SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = pod.spec!.securityContext ?? {};
  const own = container.securityContext ?? {};
  const from = { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile };
  const defined = Object.fromEntries(Object.entries({ ...from, ...stripUndefined(own) }).filter(([, value]) => value !== undefined));
  return defined as corev1.SecurityContext;
}

const stripUndefined = (object: object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));

export function verifyNonRoot(pod: corev1.Pod, container: corev1.Container, user: ImageUser): void {
  const security = effectiveSecurity(pod, container);
  if (!security.runAsNonRoot) return;
  const where = `(pod: "${podText(pod)}", container: ${container.name})`;
  if (security.runAsUser !== undefined) {
    if (security.runAsUser === 0) throw new ConfigurationError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (user.uid === 0) throw new ConfigurationError(`container has runAsNonRoot and image will run as root ${where}`);
  if (user.uid === undefined && user.username) {
    throw new ConfigurationError(
      `container has runAsNonRoot and image has non-numeric user (${user.username}), cannot verify user is non-root ${where}`,
    );
  }
}

export function namespacesOf(pod: corev1.Pod): NamespaceOption {
  const spec = pod.spec!;
  return {
    ipc: spec.hostIPC ? NamespaceMode.NODE : NamespaceMode.POD,
    network: isHostNetwork(pod) ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: spec.hostPID ? NamespaceMode.NODE : spec.shareProcessNamespace ? NamespaceMode.POD : NamespaceMode.CONTAINER,
  };
}

/** `seccompRoot` is the folder of localhost profiles. */
function seccompOf(profile: corev1.SeccompProfile | undefined, privileged: boolean, seccompRoot: string): SecurityProfile {
  if (!profile || privileged) return { profileType: ProfileType.Unconfined };
  if (profile.type === 'RuntimeDefault') return { profileType: ProfileType.RuntimeDefault };
  if (profile.type === 'Localhost') {
    if (!profile.localhostProfile) throw new ConfigurationError('localhostProfile must be set if seccompProfile type is Localhost.');
    return { profileType: ProfileType.Localhost, localhostRef: `${seccompRoot}/${profile.localhostProfile}` };
  }
  return { profileType: ProfileType.Unconfined };
}

function appArmorOf(profile: corev1.AppArmorProfile | undefined): { apparmor?: SecurityProfile } {
  if (profile?.type === 'RuntimeDefault') return { apparmor: { profileType: ProfileType.RuntimeDefault } };
  if (profile?.type === 'Unconfined') return { apparmor: { profileType: ProfileType.Unconfined } };
  if (profile?.type !== 'Localhost') return {};
  return { apparmor: { profileType: ProfileType.Localhost, localhostRef: profile.localhostProfile ?? '' } };
}

const idValue = (value: number | undefined) => (value === undefined ? undefined : { value });
const groupsOf = (pod: corev1.Pod): number[] => {
  const { fsGroup, supplementalGroups = [] } = pod.spec!.securityContext ?? {};
  return [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups];
};
const policyOf = (pod: corev1.Pod) =>
  pod.spec!.securityContext?.supplementalGroupsPolicy === 'Strict' ? SupplementalGroupsPolicy.Strict : SupplementalGroupsPolicy.Merge;

export const isPrivileged = (pod: corev1.Pod): boolean =>
  [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])].some((container) => container.securityContext?.privileged === true);

/**
 * The sandbox's only program sleeps. A filter for its system calls, which takes as long to make as the process itself, protects
 * something only where containers can see that process and take it over.
 */
function sandboxSeccomp(namespaces: NamespaceOption): SecurityProfile {
  const isAlone = namespaces.pid === NamespaceMode.CONTAINER;
  return { profileType: isAlone ? ProfileType.Unconfined : ProfileType.RuntimeDefault };
}

export function sandboxSecurity(pod: corev1.Pod): LinuxSandboxSecurityContext {
  const { runAsUser, runAsGroup, seLinuxOptions } = pod.spec!.securityContext ?? {};
  const namespaces = namespacesOf(pod);
  return {
    privileged: isPrivileged(pod),
    seccomp: sandboxSeccomp(namespaces),
    namespaceOptions: namespaces,
    supplementalGroups: groupsOf(pod),
    supplementalGroupsPolicy: policyOf(pod),
    ...(runAsUser === undefined ? {} : { runAsUser: { value: runAsUser } }),
    ...(runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } }),
    ...(seLinuxOptions ? { selinuxOptions: seLinuxOptions } : {}),
  };
}

export function containerSecurity(
  pod: corev1.Pod,
  container: corev1.Container,
  user: ImageUser,
  seccompRoot: string,
  targetId?: string,
): LinuxContainerSecurityContext {
  const security = effectiveSecurity(pod, container);
  const privileged = security.privileged === true;
  const { add, drop } = security.capabilities ?? {};
  const unmasked = security.procMount === 'Unmasked';
  const namespaces = namespacesOf(pod);
  if (targetId && namespaces.pid === NamespaceMode.CONTAINER) Object.assign(namespaces, { pid: NamespaceMode.TARGET, targetId });
  const asUser =
    security.runAsUser !== undefined
      ? { runAsUser: idValue(security.runAsUser) }
      : user.uid !== undefined
        ? { runAsUser: idValue(user.uid) }
        : user.username
          ? { runAsUsername: user.username }
          : {};
  return {
    ...(add || drop ? { capabilities: { addCapabilities: add ?? [], dropCapabilities: drop ?? [] } } : {}),
    privileged,
    namespaceOptions: namespaces,
    ...asUser,
    ...(security.runAsGroup === undefined ? {} : { runAsGroup: idValue(security.runAsGroup) }),
    readonlyRootfs: security.readOnlyRootFilesystem === true,
    supplementalGroups: groupsOf(pod),
    supplementalGroupsPolicy: policyOf(pod),
    noNewPrivs: security.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READ_ONLY_PATHS,
    seccomp: seccompOf(security.seccompProfile, privileged, seccompRoot),
    ...appArmorOf(security.appArmorProfile),
    ...(security.seLinuxOptions ? { selinuxOptions: security.seLinuxOptions } : {}),
  } as LinuxContainerSecurityContext;
}
