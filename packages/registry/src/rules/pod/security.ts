// Security contexts of pods and containers (apis/core/validation ValidateSecurityContext, validatePodSpecSecurityContext).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors, maybeOneOf } from '../errors.ts';
import { isUnixId } from '../formats.ts';
import { checkDescending } from './paths.ts';
import { checkHostProcess, checkWindowsOptions } from './windows.ts';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const APPARMOR_LENGTH_MAX = 4095;
const SYSCTL_LENGTH_MAX = 253;
const SYSCTL = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const sysctlRegex = new RegExp(SYSCTL);

function checkId(errors: Errors, path: string, id: number | undefined): void {
  if (id !== undefined) complain(errors, path, id, isUnixId(id));
}

function checkSeccomp(errors: Errors, path: string, profile: corev1.SeccompProfile | undefined): void {
  if (!profile) return;
  if (!profile.type) errors.push(fieldError.required(`${path}.type`, 'type is required when seccompProfile is set'));
  else if (!PROFILE_TYPES.includes(profile.type)) errors.push(fieldError.notSupported(`${path}.type`, profile.type, PROFILE_TYPES));
  const at = `${path}.localhostProfile`;
  if (profile.type !== 'Localhost') {
    if (profile.localhostProfile !== undefined) {
      errors.push(fieldError.invalid(at, profile, 'can only be set when seccomp type is Localhost'));
    }
  } else if (profile.localhostProfile === undefined) {
    errors.push(fieldError.required(at, 'must be set when seccomp type is Localhost'));
  } else checkDescending(errors, at, profile.localhostProfile);
}

function checkAppArmor(errors: Errors, path: string, profile: corev1.AppArmorProfile | undefined): void {
  if (!profile) return;
  const at = `${path}.localhostProfile`;
  const name = profile.localhostProfile;
  if (profile.type === 'Localhost') {
    if (name !== undefined && name.trim() !== name) {
      errors.push(fieldError.invalid(at, name, 'must not be padded with whitespace'));
    } else if (!name) errors.push(fieldError.required(at, 'must be set when AppArmor type is Localhost'));
    if (name && name.length > APPARMOR_LENGTH_MAX) errors.push(fieldError.tooLong(at, APPARMOR_LENGTH_MAX));
  } else if (profile.type === 'RuntimeDefault' || profile.type === 'Unconfined') {
    if (name !== undefined) errors.push(fieldError.invalid(at, name, 'can only be set when AppArmor type is Localhost'));
  } else if (!profile.type) {
    errors.push(fieldError.required(`${path}.type`, 'type is required when appArmorProfile is set'));
  } else errors.push(fieldError.notSupported(`${path}.type`, profile.type, PROFILE_TYPES));
}

export function checkContainerSecurity(
  errors: Errors,
  path: string,
  security: corev1.SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (!security) return;
  checkId(errors, `${path}.runAsUser`, security.runAsUser);
  checkId(errors, `${path}.runAsGroup`, security.runAsGroup);
  if (security.procMount !== undefined) {
    maybeOneOf(errors, `${path}.procMount`, security.procMount, ['Default', 'Unmasked']);
    if (hostUsers && security.procMount === 'Unmasked') {
      errors.push(fieldError.invalid(`${path}.procMount`, security.procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile);
  if (security.allowPrivilegeEscalation === false) {
    const why = 'cannot set `allowPrivilegeEscalation` to false and';
    if (security.privileged) errors.push(fieldError.invalid(path, security, `${why} \`privileged\` to true`));
    if (security.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(fieldError.invalid(path, security, `${why} \`capabilities.Add\` CAP_SYS_ADMIN`));
    }
  }
  checkWindowsOptions(errors, `${path}.windowsOptions`, security.windowsOptions);
  checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile);
}

/** Namespace of the kernel that a sysctl belongs to, in either spelling. */
function sysctlNamespace(name: string): 'net' | 'ipc' | '' {
  const dotted = name.replaceAll('/', '.');
  if (dotted.startsWith('net.')) return 'net';
  return /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted) ? 'ipc' : '';
}

function checkSysctls(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const seen = new Set<string>();
  spec.securityContext?.sysctls?.forEach(({ name = '' }, i) => {
    const at = `${path}[${i}].name`;
    if (name === '') errors.push(fieldError.required(at));
    else if (name.length > SYSCTL_LENGTH_MAX || !sysctlRegex.test(name)) {
      errors.push(fieldError.invalid(at, name, `must have at most ${SYSCTL_LENGTH_MAX} characters and match regex ${SYSCTL}`));
    } else if (seen.has(name)) errors.push(fieldError.duplicate(at, name));
    const namespace = sysctlNamespace(name);
    if (spec.hostNetwork && namespace === 'net') {
      errors.push(fieldError.invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && namespace === 'ipc') {
      errors.push(fieldError.invalid(at, name, "may not be specified when 'hostIPC' is true"));
    }
    seen.add(name);
  });
}

export function checkPodSecurity(errors: Errors, specPath: string, spec: corev1.PodSpec, old: corev1.PodSpec | undefined): void {
  const path = `${specPath}.securityContext`;
  const security = spec.securityContext;
  if (security) {
    checkId(errors, `${path}.fsGroup`, security.fsGroup);
    checkId(errors, `${path}.runAsUser`, security.runAsUser);
    checkId(errors, `${path}.runAsGroup`, security.runAsGroup);
    security.supplementalGroups?.forEach((group, i) => {
      checkId(errors, `${path}.supplementalGroups[${i}]`, group);
    });
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(fieldError.invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  }
  if (security) {
    checkSysctls(errors, `${path}.sysctls`, spec);
    maybeOneOf(errors, `${path}.fsGroupChangePolicy`, security.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
    checkSeccomp(errors, `${path}.seccompProfile`, security.seccompProfile);
    checkWindowsOptions(errors, `${path}.windowsOptions`, security.windowsOptions);
    checkAppArmor(errors, `${path}.appArmorProfile`, security.appArmorProfile);
    maybeOneOf(errors, `${path}.supplementalGroupsPolicy`, security.supplementalGroupsPolicy, ['Merge', 'Strict']);
    // Mounting with a label is off by default; what has a policy may get any.
    const policies = old?.securityContext?.seLinuxChangePolicy === undefined ? ['Recursive'] : ['MountOption', 'Recursive'];
    maybeOneOf(errors, `${path}.seLinuxChangePolicy`, security.seLinuxChangePolicy, policies);
  }
  checkHostProcess(errors, specPath, spec);
}
