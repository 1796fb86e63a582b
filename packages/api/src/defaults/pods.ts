// Defaults of pods and what pod templates hold (pkg/apis/core/v1/defaults.go).
import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  ObjectFieldSelector,
  Pod,
  PodSpec,
  PodStatus,
  Probe,
  ServiceAccountTokenProjection,
  Volume,
} from '../generated/core-v1.types.ts';
import { defaultPodLevelResources } from './pod-resources.ts';
import type { DefaultFunction } from './types.ts';

const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3600;

const REFERENCE =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9-]+)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::([\w][\w.-]{0,127}))?(@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

const IDENTIFIER = /^[a-f0-9]{64}$/;
const REPOSITORY_LENGTH_MAX = 255;
const OFFICIAL = 'library/';

/** The repository within the registry, where names without one are those of the official ones (distribution/reference normalize.go). */
function repositoryOf(name: string): string {
  const slash = name.indexOf('/');
  if (slash === -1) return OFFICIAL + name;
  const [domain, rest] = [name.slice(0, slash), name.slice(slash + 1)];
  if (domain === 'docker.io' || domain === 'index.docker.io') return rest.includes('/') ? rest : OFFICIAL + rest;
  return domain === 'localhost' || /[.:A-Z]/.test(domain) ? rest : name;
}

/** The tag of an image's name; `latest` when it has neither tag nor digest, '' when the name isn't one. */
export function imageTag(image: string): string {
  const match = REFERENCE.exec(image);
  if (!match || IDENTIFIER.test(image)) return '';
  const [name] = image.split('@');
  const repository = repositoryOf(match[1] === undefined ? name! : name!.slice(0, -match[1].length - 1));
  if (repository.length > REPOSITORY_LENGTH_MAX) return '';
  return match[1] ?? (match[2] ? '' : 'latest');
}

const pullPolicy = (image: string) => (imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent');

function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= pullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
}

function defaultPod(pod: Pod): void {
  const spec = pod.spec!;
  // Of pods alone, not of templates (conversion.go).
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const { resources } of containers) {
    if (!resources?.limits) continue;
    const requests: Record<string, string> = { ...resources.requests };
    for (const name in resources.limits) requests[name] ??= resources.limits[name]!;
    resources.requests = requests;
  }
  defaultPodLevelResources(spec);
  spec.enableServiceLinks ??= true;
  if (!spec.hostNetwork) return;
  for (const { ports } of containers) for (const port of ports ?? []) port.hostPort ||= port.containerPort;
}

/** Go prints maps by key. */
export function sorted<T>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  mirrorServiceAccount(spec);
}

/** The field's old name is kept equal to the new one (conversion.go). */
export function mirrorServiceAccount(spec: PodSpec): void {
  if (!spec.serviceAccountName && !spec.serviceAccount) return;
  spec.serviceAccountName ||= spec.serviceAccount;
  spec.serviceAccount = spec.serviceAccountName;
}

/** podIP is the first of podIPs, and the other way round for clients that know only the one; where they differ, the old field holds. */
function mirrorPodAddresses(status: PodStatus): void {
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP && status.podIP !== first) status.podIPs = [{ ip: status.podIP }];
  else if (first !== undefined && !status.podIP) status.podIP = first;
}

function hasSource(volume: Volume): boolean {
  for (const name in volume) if (name !== 'name' && volume[name as keyof Volume] !== undefined) return true;
  return false;
}

function defaultVolume(volume: Volume): void {
  if (!hasSource(volume)) volume.emptyDir = {};
  if (volume.image) volume.image.pullPolicy ||= pullPolicy(volume.image.reference ?? '');
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(action: HTTPGetAction): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

const defaultMode: DefaultFunction = (source: { defaultMode?: number }) => {
  source.defaultMode ??= FILE_MODE;
};

const CORE = 'io.k8s.api.core.v1.';

export const podDefaults: Record<string, DefaultFunction> = {
  [`${CORE}Pod`]: defaultPod,
  [`${CORE}PodSpec`]: defaultPodSpec,
  [`${CORE}PodStatus`]: mirrorPodAddresses,
  [`${CORE}Container`]: defaultContainer,
  [`${CORE}EphemeralContainer`]: defaultContainer,
  [`${CORE}Volume`]: defaultVolume,
  [`${CORE}Probe`]: defaultProbe,
  [`${CORE}HTTPGetAction`]: defaultHttpGet,
  [`${CORE}SecretVolumeSource`]: defaultMode,
  [`${CORE}ConfigMapVolumeSource`]: defaultMode,
  [`${CORE}DownwardAPIVolumeSource`]: defaultMode,
  [`${CORE}ProjectedVolumeSource`]: defaultMode,
  [`${CORE}HostPathVolumeSource`]: (source: { type?: string }) => {
    source.type ??= '';
  },
  [`${CORE}ServiceAccountTokenProjection`]: (source: ServiceAccountTokenProjection) => {
    source.expirationSeconds ??= TOKEN_SECONDS;
  },
  [`${CORE}ObjectFieldSelector`]: (selector: ObjectFieldSelector) => {
    selector.apiVersion ||= 'v1';
  },
};
