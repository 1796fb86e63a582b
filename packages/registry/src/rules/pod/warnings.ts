// Advice about pods and templates that are valid but probably not meant so (api/pod/warnings.go).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { addressWarnings } from '../addresses.ts';
import { NODE_LABELS, type Warn, warnAboutNodeTerm } from '../node-labels.ts';
import { isWholeQuantity } from '../quantities.ts';
import { warnAboutClaim } from '../volume-claims.ts';
import { overlapWarnings } from './overlaps.ts';
import { eachContainer } from './scope.ts';

const DEPRECATED_ANNOTATIONS: [key: string, message: string][] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const DEPRECATED_VOLUMES: [name: keyof corev1.Volume, shown: string, message: string][] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

const quoted = JSON.stringify;

/** Warns about a pod (path '') or a template (such as `spec.template`). */
export function warnAboutPod(warn: Warn, path: string, spec: corev1.PodSpec | undefined, meta: ObjectMeta | undefined): void {
  if (!spec) return;
  const base = path === '' ? '' : `${path}.`;
  const at = `${base}spec`;
  warnAboutPlacement(warn, at, spec);
  for (const [key, message] of DEPRECATED_ANNOTATIONS) {
    if (meta?.annotations?.[key] !== undefined) warn(`${base}metadata.annotations[${key}]: ${message}`);
  }
  spec.volumes?.forEach((volume, i) => {
    for (const [name, shown, message] of DEPRECATED_VOLUMES) if (volume[name]) warn(`${at}.volumes[${i}].${shown}: ${message}`);
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
    if (claim) warnAboutClaim(warn, `${at}.volumes[${i}].ephemeral.volumeClaimTemplate.spec`, claim);
  });
  if (spec.volumes) for (const text of overlapWarnings(spec.volumes)) warn(text);
  warnOfDuplicates(warn, `${at}.hostAliases`, 'ip', spec.hostAliases);
  warnOfDuplicates(warn, `${at}.imagePullSecrets`, 'name', spec.imagePullSecrets);
  spec.imagePullSecrets?.forEach(({ name }, i) => {
    if (!name) warn(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`);
  });
  warnOfFractions(warn, `${at}.overhead`, spec.overhead);
  warnAboutContainers(warn, base, spec, meta);
  warnAboutPorts(warn, at, spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warn(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  }
  warnAboutAffinity(warn, at, spec);
  spec.dnsConfig?.nameservers?.forEach((server, i) => {
    for (const text of addressWarnings(`${at}.dnsConfig.nameservers[${i}]`, server)) warn(text);
  });
  spec.hostAliases?.forEach(({ ip }, i) => {
    for (const text of addressWarnings(`${at}.hostAliases[${i}].ip`, ip)) warn(text);
  });
}

function warnAboutNodeAffinity(warn: Warn, at: string, affinity: corev1.NodeAffinity | undefined): void {
  affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => {
    warnAboutNodeTerm(warn, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`, term, false);
  });
  affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ preference }, i) => {
    warnAboutNodeTerm(warn, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`, preference, true);
  });
}

function warnAboutPlacement(warn: Warn, at: string, spec: corev1.PodSpec): void {
  for (const key in spec.nodeSelector) if (NODE_LABELS[key]) warn(`${at}.nodeSelector[${key}]: ${NODE_LABELS[key]}`);
  warnAboutNodeAffinity(warn, `${at}.affinity.nodeAffinity`, spec.affinity?.nodeAffinity);
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const path = `${at}.topologySpreadConstraints[${i}]`;
    if (NODE_LABELS[topologyKey]) warn(`${path}.topologyKey: ${topologyKey} is ${NODE_LABELS[topologyKey]}`);
    if (!labelSelector) warn(`${path}.labelSelector: a null labelSelector results in matching no pod`);
  });
}

function warnAboutAffinity(warn: Warn, at: string, spec: corev1.PodSpec): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[kind];
    const why = 'a null labelSelector results in matching no pod';
    affinity?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      if (term.labelSelector) return;
      warn(`${at}.affinity.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${why}`);
    });
    affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      if (term.podAffinityTerm?.labelSelector) return;
      warn(`${at}.affinity.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector: ${why}`);
    });
  }
}

function warnOfDuplicates<K extends string>(warn: Warn, path: string, field: K, items: readonly { [key in K]?: string }[] = []): void {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    const value = item[field] ?? '';
    if (seen.has(value)) warn(`${path}[${i}].${field}: duplicate ${field} ${quoted(value)}`);
    seen.add(value);
  });
}

function warnOfFractions(warn: Warn, path: string, resources: Record<string, string | number> | undefined): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    const value = resources?.[name];
    if (value !== undefined && !isWholeQuantity(value)) {
      warn(`${path}[${name}]: fractional byte value ${quoted(String(value))} is invalid, must be an integer`);
    }
  }
}

function warnAboutContainers(warn: Warn, base: string, spec: corev1.PodSpec, meta: ObjectMeta | undefined): void {
  const annotations = meta?.annotations;
  const old = 'non-functional in v1.27+; use the "seccompProfile" field instead';
  if (annotations?.[SECCOMP_POD] !== undefined && !spec.securityContext?.seccompProfile) {
    warn(`${base}metadata.annotations[${SECCOMP_POD}]: ${old}`);
  }
  eachContainer(spec, `${base}spec`, (container, path) => {
    const key = SECCOMP_CONTAINER + container.name;
    if (annotations?.[key] !== undefined && !container.securityContext?.seccompProfile) {
      warn(`${base}metadata.annotations[${key}]: ${old}`);
    }
    warnOfFractions(warn, `${path}.resources.limits`, container.resources?.limits);
    warnOfFractions(warn, `${path}.resources.requests`, container.resources?.requests);
    if ((container.env?.length ?? 0) < 2) return;
    const seen = new Set<string>();
    container.env!.forEach(({ name, value = '', valueFrom }, i) => {
      const reference = `$(${name})`;
      if (seen.has(name) && (valueFrom || value === reference || !value.includes(reference))) {
        warn(`${path}.env[${i}]: hides previous definition of ${quoted(name)}, which may be dropped when using apply`);
      }
      seen.add(name);
    });
  });
}

/** As Go prints the struct. */
const goPort = ({ name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' }: corev1.ContainerPort) =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

/** Warnings about ports that a pod gets: far more than an answer has room for. */
const PORT_WARNINGS_MAX = 1000;

interface SeenPort {
  index: number;
  path: string;
  hostPort: number;
  hostIP: string;
}

/** Ports of one number and protocol. Whoever is found among them is warned of, so that finding costs no more than telling. */
class SamePorts {
  readonly #groups = new Map<string, SeenPort[]>();
  readonly #all: SeenPort[] = [];

  /** Those that a port duplicates, overlaps or can't be told from, in their order. */
  meeting({ hostPort, hostIP }: Omit<SeenPort, 'index'>): readonly SeenPort[] {
    if (hostPort === 0) return this.#all;
    const of = (key: string) => this.#groups.get(key) ?? [];
    const ambiguous = of(hostIP === '' ? `${hostPort} some` : `${hostPort} `);
    return [...of('0'), ...of(`${hostPort} ${hostIP}`), ...ambiguous].sort((a, b) => a.index - b.index);
  }

  add(port: Omit<SeenPort, 'index'>): void {
    const seen = { ...port, index: this.#all.length };
    this.#all.push(seen);
    const { hostPort, hostIP } = port;
    const keys = hostPort === 0 ? ['0'] : [`${hostPort} ${hostIP}`, ...(hostIP === '' ? [] : [`${hostPort} some`])];
    for (const key of keys) {
      const group = this.#groups.get(key);
      if (group) group.push(seen);
      else this.#groups.set(key, [seen]);
    }
  }
}

function relation(one: Omit<SeenPort, 'index'>, other: SeenPort): string {
  if (one.hostIP === other.hostIP && one.hostPort === other.hostPort) return 'duplicate';
  return one.hostPort && other.hostPort ? 'dangerously ambiguous' : 'overlapping';
}

function warnAboutPorts(warn: Warn, at: string, spec: corev1.PodSpec): void {
  const byPort = new Map<string, SamePorts>();
  const byName = new Map<string, string>();
  const named: string[] = [];
  let told = 0;
  eachContainer(spec, at, (container, containerPath) => {
    container.ports?.forEach((port, i) => {
      const path = `${containerPath}.ports[${i}]`;
      const { hostPort = 0, hostIP = '', name } = port;
      if (hostIP && !hostPort) warn(`${path}: hostIP set without hostPort: ${goPort(port)}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const same = byPort.get(key) ?? new SamePorts();
      byPort.set(key, same);
      const seen = { path, hostPort, hostIP };
      for (const other of told < PORT_WARNINGS_MAX ? same.meeting(seen) : []) {
        if (told++ === PORT_WARNINGS_MAX) break;
        warn(`${path}: ${relation(seen, other)} port definition with ${other.path}`);
      }
      same.add(seen);
      const first = name ? byName.get(name) : undefined;
      if (first) {
        named.push(
          `${path}: duplicate port name ${quoted(name)} with ${first}, services and probes that select ports by name will use ${first}`,
        );
      } else if (name) byName.set(name, path);
    });
  });
  for (const text of named) warn(text);
}
