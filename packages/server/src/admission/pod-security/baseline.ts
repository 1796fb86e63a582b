// The baseline level: known ways out of a container are closed.
import type { corev1 } from '@tiphys/api';
import {
  allContainers,
  badValues,
  type CheckPod,
  containersText,
  finding,
  namesWhere,
  plural,
  quotedList,
  settersText,
  sorted,
  usesUserNamespace,
} from './checks.ts';

export const privileged: CheckPod = (spec) => {
  const bad = namesWhere(spec, (container) => container.securityContext?.privileged === true);
  return finding(bad.length > 0, 'privileged', () => `${containersText(bad)} must not set securityContext.privileged=true`);
};

export const hostNamespaces: CheckPod = (spec) => {
  const bad = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]).map((field) => `${field}=true`);
  return finding(bad.length > 0, 'host namespaces', () => bad.join(', '));
};

export const hostPathVolumes: CheckPod = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) => volume.hostPath).map((volume) => volume.name);
  return finding(bad.length > 0, 'hostPath volumes', () => `${plural('volume', bad.length)} ${quotedList(bad)}`);
};

export const hostPorts: CheckPod = (spec) => {
  const portsOf = (container: corev1.Container) => (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const bad = namesWhere(spec, (container) => portsOf(container).length > 0);
  const ports = sorted(allContainers(spec).flatMap(portsOf));
  return finding(
    bad.length > 0,
    'hostPort',
    () => `${containersText(bad)} ${plural('uses', bad.length, 'use')} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
  );
};

const DEFAULT_CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

export const capabilities: CheckPod = (spec) => {
  const extra = (container: corev1.Container) =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => !DEFAULT_CAPABILITIES.has(name));
  const bad = namesWhere(spec, (container) => extra(container).length > 0);
  return finding(bad.length > 0, 'non-default capabilities', () => {
    const names = sorted(allContainers(spec).flatMap(extra));
    return `${containersText(bad)} must not include ${quotedList(names)} in securityContext.capabilities.add`;
  });
};

const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

export const appArmorProfile: CheckPod = (spec, metadata) => {
  const { pod, containers, values } = badValues(
    spec,
    (security) => security.appArmorProfile?.type,
    (type) => type !== 'RuntimeDefault' && type !== 'Localhost',
  );
  const isAllowed = (profile: string) => profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APP_ARMOR_ANNOTATION) && !isAllowed(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const setters = [settersText(pod, containers), annotations.length > 0 ? plural('annotation', annotations.length) : ''].filter(Boolean);
  const all = [...sorted(values), ...annotations];
  return finding(
    setters.length > 0,
    plural('forbidden AppArmor profile', all.length),
    () => `${setters.join(' and ')} must not set AppArmor profile type to ${quotedList(all)}`,
  );
};

export const seLinuxOptions =
  (types: ReadonlySet<string>): CheckPod =>
  (spec) => {
    const { pod, containers, values } = badValues(
      spec,
      (security) => security.seLinuxOptions,
      (options) => !types.has(options.type ?? '') || Boolean(options.user) || Boolean(options.role),
    );
    return finding(pod || containers.length > 0, 'seLinuxOptions', () => {
      const badTypes = sorted(values.map((options) => options.type ?? '').filter((type) => !types.has(type)));
      const parts = [
        ...(badTypes.length > 0 ? [`${plural('type', badTypes.length)} ${quotedList(badTypes)}`] : []),
        ...(values.some((options) => options.user) ? ['user may not be set'] : []),
        ...(values.some((options) => options.role) ? ['role may not be set'] : []),
      ];
      return `${settersText(pod, containers)} set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}`;
    });
  };

export const SELINUX_TYPES = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t']);
export const SELINUX_TYPES_1_31 = new Set([...SELINUX_TYPES, 'container_engine_t']);

export const procMount: CheckPod = (spec) => {
  const { containers, values } = badValues(
    spec,
    (security) => ('procMount' in security ? security.procMount : undefined),
    (type) => type !== 'Default',
  );
  return finding(
    containers.length > 0,
    'procMount',
    () => `${containersText(containers)} must not set securityContext.procMount to ${quotedList(sorted(values))}`,
  );
};

export const procMountUnlessUserNamespace: CheckPod = (spec, metadata) => (usesUserNamespace(spec) ? undefined : procMount(spec, metadata));

const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

/** Before v1.19 profiles were annotations. */
export const seccompAnnotations: CheckPod = (spec, { annotations = {} }) => {
  const keys = [SECCOMP_POD, ...allContainers(spec).map((container) => SECCOMP_CONTAINER + container.name)];
  const isAllowed = (value: string) => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const bad = sorted(
    keys
      .filter((key) => annotations[key] !== undefined && !isAllowed(annotations[key]!))
      .map((key) => `${key}=${JSON.stringify(annotations[key])}`),
  );
  return finding(bad.length > 0, 'seccompProfile', () => `forbidden ${plural('annotation', bad.length)} ${bad.join(', ')}`);
};

export const isAllowedSeccomp = (type: string) => type === 'Localhost' || type === 'RuntimeDefault';

export const seccompProfile: CheckPod = (spec) => {
  const { pod, containers, values } = badValues(
    spec,
    (security) => security.seccompProfile?.type,
    (type) => !isAllowedSeccomp(type),
  );
  return finding(
    pod || containers.length > 0,
    'seccompProfile',
    () => `${settersText(pod, containers)} must not set securityContext.seccompProfile.type to ${quotedList(sorted(values))}`,
  );
};

export const sysctls =
  (allowed: ReadonlySet<string>): CheckPod =>
  (spec) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.has(name));
    return finding(bad.length > 0, 'forbidden sysctls', () => bad.join(', '));
  };

export const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
]);
export const SYSCTLS_1_27 = new Set([...SYSCTLS, 'net.ipv4.ip_local_reserved_ports']);
export const SYSCTLS_1_29 = new Set([
  ...SYSCTLS_1_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]);
export const SYSCTLS_1_32 = new Set([...SYSCTLS_1_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']);

export const windowsHostProcess: CheckPod = (spec) => {
  const { pod, containers } = badValues(
    spec,
    (security) => security.windowsOptions?.hostProcess,
    (value) => value,
  );
  return finding(
    pod || containers.length > 0,
    'hostProcess',
    () => `${settersText(pod, containers)} must not set securityContext.windowsOptions.hostProcess=true`,
  );
};

export const hostProbesAndHostLifecycle: CheckPod = (spec) => {
  const hostsOf = (container: corev1.Container): string[] =>
    [
      container.livenessProbe,
      container.readinessProbe,
      container.startupProbe,
      container.lifecycle?.postStart,
      container.lifecycle?.preStop,
    ].flatMap(
      (handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host) => host !== undefined && host !== '') as string[],
    );
  const bad = sorted(namesWhere(spec, (container) => hostsOf(container).length > 0));
  return finding(bad.length > 0, 'probe or lifecycle host', () => {
    const hosts = sorted(allContainers(spec).flatMap(hostsOf));
    const words = `${plural('uses', bad.length, 'use')} ${plural('probe or lifecycle host', hosts.length)}`;
    return `${containersText(bad)} ${words} ${quotedList(hosts)}`;
  });
};
