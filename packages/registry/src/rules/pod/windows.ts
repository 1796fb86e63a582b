// What a pod for Windows may and may not have (apis/core/validation validateWindows*, validateLinux).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isDns1123Subdomain } from '../formats.ts';
import { eachContainer } from './scope.ts';

const SPEC_LENGTH_MAX = 64 * 1024;
const DOMAIN_LENGTH_MAX = 256;
const USER_LENGTH_MAX = 104;
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);

function userNameFaults(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts[parts.length - 1]!;
  const domain = parts.length === 2 ? parts[0]! : undefined;
  const faults: string[] = [];
  if ((domain ?? '').length >= DOMAIN_LENGTH_MAX) faults.push("runAsUserName's Domain length must be under 256 characters");
  if (domain !== undefined && !NETBIOS.test(domain) && !DNS.test(domain)) {
    faults.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') faults.push("runAsUserName's User cannot be empty");
  else if (user.length > USER_LENGTH_MAX) faults.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) faults.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    faults.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  }
  return faults;
}

export function checkWindowsOptions(errors: Errors, path: string, options: corev1.WindowsSecurityContextOptions | undefined): void {
  if (!options) return;
  const { gmsaCredentialSpecName: specName, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (specName !== undefined) complain(errors, `${path}.gmsaCredentialSpecName`, specName, isDns1123Subdomain(specName));
  if (spec === '') errors.push(fieldError.invalid(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'));
  else if (spec && spec.length > SPEC_LENGTH_MAX) {
    errors.push(fieldError.invalid(`${path}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (runAsUserName !== undefined) complain(errors, `${path}.runAsUserName`, runAsUserName, userNameFaults(runAsUserName));
}

export function checkHostProcess(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let [all, hostProcess] = [0, 0];
  eachContainer(spec, path, (container, at) => {
    all++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const why = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(fieldError.invalid(`${at}.securityContext.windowsOptions.hostProcess`, own, why));
    }
    if (own ?? ofPod) hostProcess++;
  });
  if (hostProcess === 0) return;
  if (hostProcess !== all) {
    const why = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(fieldError.invalid(path, '', why));
  }
  if (!spec.hostNetwork) {
    errors.push(fieldError.invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'));
  }
}

const NOT_FOR_WINDOWS_POD = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const NOT_FOR_WINDOWS_CONTAINER = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** spec.os, and the fields that its value rules out. */
export function checkOs(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const name = spec.os?.name;
  if (!spec.os) return;
  if (!name) errors.push(fieldError.required(`${path}.os.name`));
  else if (name === 'linux') checkLinux(errors, path, spec);
  else if (name === 'windows') checkWindows(errors, path, spec);
  else errors.push(fieldError.notSupported(`${path}.os`, name, ['linux', 'windows']));
}

function checkLinux(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const why = 'windows options cannot be set for a linux pod';
  if (spec.securityContext?.windowsOptions) errors.push(fieldError.forbidden(`${path}.securityContext.windowsOptions`, why));
  eachContainer(spec, path, (container, at) => {
    if (container.securityContext?.windowsOptions) errors.push(fieldError.forbidden(`${at}.securityContext.windowsOptions`, why));
  });
}

function checkWindows(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const why = 'cannot be set for a windows pod';
  for (const name of NOT_FOR_WINDOWS_POD) {
    if (spec.securityContext?.[name] !== undefined) errors.push(fieldError.forbidden(`${path}.securityContext.${name}`, why));
  }
  for (const name of ['hostPID', 'hostIPC'] as const) if (spec[name]) errors.push(fieldError.forbidden(`${path}.${name}`, why));
  for (const name of ['hostUsers', 'shareProcessNamespace'] as const) {
    if (spec[name] !== undefined) errors.push(fieldError.forbidden(`${path}.${name}`, why));
  }
  eachContainer(spec, path, (container, at) => {
    for (const name of NOT_FOR_WINDOWS_CONTAINER) {
      if (container.securityContext?.[name] !== undefined) errors.push(fieldError.forbidden(`${at}.securityContext.${name}`, why));
    }
  });
}
