// Rules of a pod's status (apis/core/validation ValidatePodStatusUpdate).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { RuleContext } from '../../define-resource.ts';
import { addressWarnings, checkAddress, parseAddress } from '../../rules/addresses.ts';
import { complain, type Errors, IMMUTABLE } from '../../rules/errors.ts';
import { isQualifiedName, nameIsSubdomain } from '../../rules/formats.ts';
import { checkPodAnnotations, checkPodAnnotationUpdates } from '../../rules/pod/metadata.ts';
import { checkAllocatedResources, checkExtendedResources, checkUsers } from './container-status-rules.ts';

const SYSTEM_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized'];

export function validatePodStatus(pod: corev1.Pod, old: corev1.Pod, context: RuleContext): Errors {
  const errors: Errors = [];
  const [status, before, spec] = [pod.status ?? {}, old.status ?? {}, old.spec ?? ({ containers: [] } as corev1.PodSpec)];
  checkPodAnnotationUpdates(errors, 'metadata.annotations', pod, old);
  if (pod.metadata?.annotations) checkPodAnnotations(errors, 'metadata.annotations', pod.metadata.annotations, spec);
  checkConditions(errors, status.conditions);
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== before.nominatedNodeName) {
    complain(errors, 'status.nominatedNodeName', nominated, nameIsSubdomain(nominated, false));
    if (spec.nodeName) {
      errors.push(fieldError.forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'));
    }
  }
  checkGeneration(errors, 'status.observedGeneration', status.observedGeneration);
  if ((status.qosClass ?? '') !== (before.qosClass ?? '')) {
    errors.push(fieldError.invalid('status.qosClass', status.qosClass ?? '', IMMUTABLE));
  }
  for (const kind of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    checkTransitions(errors, kind, status[kind], before[kind], spec);
    checkUsers(errors, kind, status[kind], spec.os?.name);
    checkAllocatedResources(errors, kind, status[kind], kind === 'containerStatuses' ? spec.containers : spec.initContainers);
  }
  checkClaimStatuses(errors, status.resourceClaimStatuses, spec);
  checkExtendedResources(errors, status.extendedResourceClaimStatus, spec);
  checkAddresses(errors, 'podIPs', status.podIPs, before.podIPs);
  if (status.hostIPs?.length && (status.hostIP ?? '') !== status.hostIPs[0]!.ip) {
    errors.push(fieldError.invalid('status.hostIPs[0].ip', status.hostIPs[0]!.ip, 'must be equal to `hostIP`'));
  }
  checkAddresses(errors, 'hostIPs', status.hostIPs, before.hostIPs);
  for (const name of ['podIPs', 'hostIPs'] as const) {
    status[name]?.forEach(({ ip }, i) => {
      for (const warning of addressWarnings(`status.${name}[${i}].ip`, ip)) context.warn(warning);
    });
  }
  return errors;
}

function checkGeneration(errors: Errors, path: string, generation: number | undefined): void {
  if ((generation ?? 0) < 0) errors.push(fieldError.invalid(path, generation, 'must be a non-negative integer'));
}

function checkConditions(errors: Errors, conditions: readonly corev1.PodCondition[] | undefined): void {
  conditions?.forEach(({ type = '', observedGeneration }, i) => {
    checkGeneration(errors, `status.conditions[${i}].observedGeneration`, observedGeneration);
    if (!SYSTEM_CONDITIONS.includes(type)) complain(errors, `status.conditions[${i}].Type`, type, isQualifiedName(type));
  });
}

/** Whether a container with this exit code starts again by its own or the pod's policy (api/v1/pod ContainerShouldRestart). */
function restarts(container: corev1.Container | undefined, spec: corev1.PodSpec, exitCode: number): boolean {
  if (!container) return false;
  for (const rule of container.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    if (rule.exitCodes?.operator === 'In' ? listed : rule.exitCodes?.operator === 'NotIn' && !listed) return true;
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

const restartsAll = (spec: corev1.PodSpec) =>
  [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );

/** What has ended for good does not run again. */
function checkTransitions(
  errors: Errors,
  kind: 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses',
  now: readonly corev1.ContainerStatus[] = [],
  before: readonly corev1.ContainerStatus[] = [],
  spec: corev1.PodSpec,
): void {
  if (kind !== 'ephemeralContainerStatuses' && restartsAll(spec)) return;
  const containers = kind === 'containerStatuses' ? spec.containers : kind === 'initContainerStatuses' ? spec.initContainers : [];
  before.forEach(({ name, state }, i) => {
    const ended = state?.terminated;
    const next = ended && now.find((status) => status.name === name);
    if (!ended || !next || next.state?.terminated) return;
    if (
      restarts(
        containers?.find((container) => container.name === name),
        spec,
        ended.exitCode ?? 0,
      )
    )
      return;
    errors.push(fieldError.forbidden(`status.${kind}[${i}].state`, 'may not be transitioned to non-terminated state'));
  });
}

function checkClaimStatuses(errors: Errors, statuses: readonly corev1.PodResourceClaimStatus[] | undefined, spec: corev1.PodSpec): void {
  const seen = new Set<string>();
  statuses?.forEach(({ name, resourceClaimName: claim }, i) => {
    const at = `status.resourceClaimStatuses[${i}]`;
    if (!spec.resourceClaims?.some((known) => known.name === name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`'));
    }
    if (seen.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    seen.add(name);
    if (claim !== undefined) complain(errors, `${at}.resourceClaimName`, claim, nameIsSubdomain(claim, false));
  });
}

function checkAddresses(
  errors: Errors,
  name: 'podIPs' | 'hostIPs',
  now: readonly { ip: string }[] = [],
  before: readonly { ip: string }[] = [],
) {
  const old = before.map(({ ip }) => ip);
  now.forEach(({ ip }, i) => {
    checkAddress(errors, `status.${name}[${i}]`, ip, old);
  });
  if (now.length < 2) return;
  const families = now.map(({ ip }) => parseAddress(ip)?.family);
  const bad = families.indexOf(undefined);
  if (bad >= 0) {
    const why = `failed to check for dual stack with error:invalid IP[${bad}]: ${now[bad]!.ip}`;
    errors.push(fieldError.internal(`status.${name}`, why));
  }
  if (bad >= 0 || now.length > 2 || families[0] === families[1]) {
    errors.push(fieldError.invalid(`status.${name}`, now, 'may specify no more than one IP for each IP family'));
  }
}
