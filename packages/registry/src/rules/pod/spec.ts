// The whole pod spec, of a pod or of a template (apis/core/validation ValidatePodSpec).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { checkAddress } from '../addresses.ts';
import { complain, type Errors, oneOf } from '../errors.ts';
import {
  isDns1123Label,
  isDns1123Subdomain,
  isDns1123SubdomainWithUnderscore,
  isQualifiedName,
  nameIsSubdomain,
  rangeError,
} from '../formats.ts';
import { checkLabels } from '../labels.ts';
import { checkContainers, checkEphemeralContainers, checkInitContainers } from './containers.ts';
import { checkAffinity, checkTolerations, checkTopologySpread } from './placement.ts';
import { checkPodResources } from './pod-resources.ts';
import { checkResources } from './resources.ts';
import { eachContainer, type PodScope } from './scope.ts';
import { checkPodSecurity } from './security.ts';
import { checkVolumes } from './volumes.ts';
import { checkOs } from './windows.ts';

const INT32_MAX = 2 ** 31 - 1;
const HOSTNAME_OVERRIDE_MAX = 64;
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_CHARACTERS_MAX = 2048;
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];
const NO_NAMES: ReadonlySet<string> = new Set();

export interface PodSpecOptions {
  /** False for templates of workloads. */
  isPod: boolean;
  /** What an update starts from. */
  old?: corev1.PodSpec | undefined;
}

/** Checks a pod spec. The metadata is that of the pod or of its template. */
export function checkPodSpec(
  errors: Errors,
  path: string,
  spec: corev1.PodSpec,
  meta: ObjectMeta | undefined,
  { isPod, old }: PodSpecOptions,
): void {
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(fieldError.required(`${path}.terminationGracePeriodSeconds`));
  const volumes = checkVolumes(errors, `${path}.volumes`, spec.volumes, meta, isPod);
  const claimNames = spec.resourceClaims ? new Set(spec.resourceClaims.map(({ name }) => name)) : NO_NAMES;
  const scope: PodScope = { errors, isPod, spec, volumes, claimNames, hostUsers: spec.hostUsers ?? true };
  if (spec.resourceClaims) checkResourceClaims(errors, `${path}.resourceClaims`, spec.resourceClaims);
  checkContainers(scope, `${path}.containers`);
  checkInitContainers(scope, `${path}.initContainers`);
  checkEphemeralContainers(scope, `${path}.ephemeralContainers`);
  if (spec.resources) checkPodResources(errors, path, spec, claimNames);
  checkHostNetworkPorts(scope, path);
  oneOf(errors, `${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES);
  oneOf(errors, `${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES);
  if (spec.nodeSelector) checkLabels(errors, `${path}.nodeSelector`, spec.nodeSelector);
  checkPodSecurity(errors, path, spec, old);
  checkAffinity(errors, `${path}.affinity`, spec.affinity);
  checkDnsConfig(errors, `${path}.dnsConfig`, spec);
  checkGates(errors, path, spec);
  checkTopologySpread(errors, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints);
  checkHostUsers(scope, path);
  checkHostnameOverride(errors, `${path}.hostnameOverride`, spec);
  checkNames(errors, path, spec);
  checkTolerations(errors, `${path}.tolerations`, spec.tolerations);
  checkHostAliases(errors, `${path}.hostAliases`, spec.hostAliases);
  if (spec.preemptionPolicy !== undefined) {
    oneOf(errors, `${path}.preemptionPolicy`, spec.preemptionPolicy, PREEMPTION_POLICIES);
  }
  if (spec.overhead) checkResources(errors, `${path}.overhead`, { limits: spec.overhead }, 'container', NO_NAMES);
  checkOs(errors, path, spec);
  checkFileKeyVolumes(errors, path, spec);
}

function checkNames(errors: Errors, path: string, spec: corev1.PodSpec): void {
  for (const name of ['serviceAccountName', 'nodeName', 'priorityClassName'] as const) {
    const value = spec[name];
    if (value) complain(errors, `${path}.${name}`, value, nameIsSubdomain(value, false));
  }
  if (spec.runtimeClassName !== undefined) {
    complain(errors, `${path}.runtimeClassName`, spec.runtimeClassName, nameIsSubdomain(spec.runtimeClassName, false));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > INT32_MAX)) {
    errors.push(fieldError.invalid(`${path}.activeDeadlineSeconds`, deadline, rangeError(1, INT32_MAX)));
  }
  if (spec.hostname) complain(errors, `${path}.hostname`, spec.hostname, isDns1123Label(spec.hostname));
  if (spec.subdomain) complain(errors, `${path}.subdomain`, spec.subdomain, isDns1123Label(spec.subdomain));
}

function checkResourceClaims(errors: Errors, path: string, claims: readonly corev1.PodResourceClaim[]): void {
  const seen = new Set<string>();
  claims.forEach((claim, i) => {
    const at = `${path}[${i}]`;
    if (!claim.name) errors.push(fieldError.required(`${at}.name`));
    else if (seen.has(claim.name)) errors.push(fieldError.duplicate(`${at}.name`, claim.name));
    else {
      complain(errors, `${at}.name`, claim.name, isDns1123Label(claim.name));
      seen.add(claim.name);
    }
    const { resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    if (own !== undefined && template !== undefined) {
      const why = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      errors.push(fieldError.invalid(at, claim, why));
    }
    if (own === undefined && template === undefined) {
      const why = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
      errors.push(fieldError.invalid(at, claim, why));
    }
    if (own !== undefined) complain(errors, `${at}.resourceClaimName`, own, nameIsSubdomain(own, false));
    if (template !== undefined) complain(errors, `${at}.resourceClaimTemplateName`, template, nameIsSubdomain(template, false));
  });
}

function checkHostNetworkPorts({ errors, spec, isPod }: PodScope, path: string): void {
  if (!spec.hostNetwork) return;
  spec.containers?.forEach((container, i) => {
    container.ports?.forEach(({ hostPort = 0, containerPort }, j) => {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort) {
        const why = 'must match `containerPort` when `hostNetwork` is true';
        errors.push(fieldError.invalid(`${path}.containers[${i}].ports[${j}].hostPort`, hostPort, why));
      }
    });
  });
}

function checkDnsConfig(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (!config) {
      errors.push(fieldError.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if (!config.nameservers?.length) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      errors.push(fieldError.required(`${path}.nameservers`, why));
      return;
    }
  }
  if (!config) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > NAMESERVERS_MAX) {
    errors.push(fieldError.invalid(`${path}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`));
  }
  nameservers.forEach((server, i) => {
    checkAddress(errors, `${path}.nameservers[${i}]`, server);
  });
  if (searches.length > SEARCHES_MAX) {
    errors.push(fieldError.invalid(`${path}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`));
  }
  if (searches.join(' ').length > SEARCH_CHARACTERS_MAX) {
    const why = `must not have more than ${SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list`;
    errors.push(fieldError.invalid(`${path}.searches`, searches, why));
  }
  searches.forEach((search, i) => {
    if (search === '.') return;
    const domain = search.endsWith('.') ? search.slice(0, -1) : search;
    complain(errors, `${path}.searches[${i}]`, domain, isDns1123SubdomainWithUnderscore(domain));
  });
  options.forEach(({ name }, i) => {
    if (!name) errors.push(fieldError.required(`${path}.options[${i}]`, 'must not be empty'));
  });
}

function checkGates(errors: Errors, path: string, spec: corev1.PodSpec): void {
  spec.readinessGates?.forEach(({ conditionType = '' }, i) => {
    complain(errors, `${path}.readinessGates[${i}].conditionType`, conditionType, isQualifiedName(conditionType));
  });
  const seen = new Set<string>();
  spec.schedulingGates?.forEach(({ name = '' }, i) => {
    const at = `${path}.schedulingGates[${i}]`;
    complain(errors, at, name, isQualifiedName(name));
    if (seen.has(name)) errors.push(fieldError.duplicate(at, name));
    seen.add(name);
  });
}

function checkHostUsers({ errors, spec }: PodScope, path: string): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) errors.push(fieldError.forbidden(`${path}.hostNetwork`, why));
  if (spec.hostPID) errors.push(fieldError.forbidden(`${path}.HostPID`, why));
  if (spec.hostIPC) errors.push(fieldError.forbidden(`${path}.HostIPC`, why));
  eachContainer(spec, path, (container, at) => {
    if (container.volumeDevices?.length) errors.push(fieldError.forbidden(`${at}.volumeDevices`, why));
  });
}

function checkHostnameOverride(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const value = spec.hostnameOverride;
  if (value === undefined) return;
  if (spec.setHostnameAsFQDN) errors.push(fieldError.forbidden(path, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) errors.push(fieldError.forbidden(path, 'may not be specified when hostNetwork is true'));
  if (value.length > HOSTNAME_OVERRIDE_MAX) errors.push(fieldError.tooLong(path, HOSTNAME_OVERRIDE_MAX));
  complain(errors, path, value, isDns1123Subdomain(value));
}

function checkHostAliases(errors: Errors, path: string, aliases: readonly corev1.HostAlias[] | undefined): void {
  aliases?.forEach(({ ip, hostnames = [] }, i) => {
    checkAddress(errors, `${path}[${i}].ip`, ip);
    hostnames.forEach((name, j) => {
      complain(errors, `${path}[${i}].hostnames[${j}]`, name, isDns1123Subdomain(name));
    });
  });
}

/** Files of variables lie in emptyDir volumes, which init containers fill. */
function checkFileKeyVolumes(errors: Errors, path: string, spec: corev1.PodSpec): void {
  eachContainer(spec, path, (container, at) => {
    container.env?.forEach(({ valueFrom }, i) => {
      const reference = valueFrom?.fileKeyRef;
      if (!reference) return;
      const field = `${at}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      const volume = spec.volumes?.find(({ name }) => name === reference.volumeName);
      if (!volume) errors.push(fieldError.notFound(field, reference.volumeName));
      else if (!volume.emptyDir) {
        errors.push(fieldError.invalid(field, reference.volumeName, 'referenced volume must be of type emptyDir'));
      }
    });
  });
}
