// A pod's whole status from its spec, the runtime, probes and failures (kubelet_pods.go generateAPIPodStatus). Pure.
import type { corev1 } from '@tiphys/api';
import { conditionsOf } from './conditions.ts';
import { containerStatuses, type StartFailures } from './container-statuses.ts';
import { phaseOf } from './phase.ts';
import { type ProbeResults, sandboxChanged } from './plan.ts';
import { podLevelStatus } from './pod-level.ts';
import type { ResizeCondition } from './pod-resize.ts';
import { isHostNetwork, isSidecar, newestOf, type PodRuntime } from './pod-runtime.ts';
import { qosOf } from './qos.ts';
import { allContainersRestart } from './restart.ts';

export interface StatusProbes extends ProbeResults {
  readiness(containerId: string): 'success' | 'failure' | 'unknown' | undefined;
}

/** Why a pod has to end. */
export interface PodFailure {
  reason: string;
  message: string;
  /** Why, when it did nothing wrong but goes for the sake of others. */
  disruption?: string;
}

export interface PodStatusInput {
  pod: corev1.Pod;
  runtime: PodRuntime;
  /** What was reported last, or the API's. */
  old: corev1.PodStatus;
  failures: StartFailures;
  probes: StatusProbes;
  hostIp: string;
  /** RFC 3339 with whole seconds. */
  now: string;
  /** Nothing of this pod is started any more. */
  isTerminal: boolean;
  /** Ends the pod whatever its containers say (deadline, eviction, rejection). */
  failure?: PodFailure;
  resize?: readonly ResizeCondition[];
  /** What a running container was started or updated with. */
  actuated?: (container: string) => corev1.ResourceRequirements | undefined;
  /** The pod with what its cgroups have; the pod itself when nothing is known. */
  actuatedPod?: corev1.Pod;
}

function withReadiness(
  status: corev1.ContainerStatus,
  container: corev1.Container,
  probes: StatusProbes,
  isInit: boolean,
): corev1.ContainerStatus {
  const id = status.containerID?.slice('containerd://'.length) ?? '';
  const running = Boolean(status.state?.running);
  const started = running && (!container.startupProbe || probes.startup(id) === 'success');
  if (isInit && !isSidecar(container)) return { ...status, started, ready: status.state?.terminated?.exitCode === 0 };
  const ready = started && (!container.readinessProbe || probes.readiness(id) === 'success');
  return { ...status, started, ready };
}

const statusesByName = (lists: readonly (readonly corev1.ContainerStatus[])[]) =>
  new Map(lists.flat().map((status) => [status.name, status] as const));

function currentIps(input: PodStatusInput): string[] {
  if (isHostNetwork(input.pod)) return input.old.podIPs?.length ? input.old.podIPs.map(({ ip }) => ip) : [input.hostIp];
  const [newest] = input.runtime.sandboxes;
  if (newest?.ready && newest.ips.length > 0) return newest.ips;
  // A pod that has ended keeps its last address; one that is being restarted has none yet.
  return newest && !newest.ready ? (input.old.podIPs ?? []).map(({ ip }) => ip) : [];
}

function finalPhase(input: PodStatusInput, computed: string): string {
  const ended = (phase: string | undefined) => phase === 'Failed' || phase === 'Succeeded';
  const { pod, old, failure } = input;
  if (ended(pod.status?.phase)) return pod.status!.phase!;
  if (failure) return 'Failed';
  return !ended(computed) && ended(old.phase) ? old.phase! : computed;
}

export function podStatus(input: PodStatusInput): corev1.PodStatus {
  const { pod, runtime, old, failures, probes, now } = input;
  const spec = pod.spec!;
  const inits = spec.initContainers ?? [];
  const ephemeral = (spec.ephemeralContainers ?? []) as unknown as corev1.Container[];
  const restartsAll = allContainersRestart(pod, runtime, old);
  const of = (previous: readonly corev1.ContainerStatus[] | undefined) => ({
    pod,
    runtime,
    previous: previous ?? [],
    failures,
    restartsAll,
    actuated: input.actuated,
  });
  const find = (list: readonly corev1.Container[], name: string) => list.find((container) => container.name === name)!;
  const initStatuses = containerStatuses(of(old.initContainerStatuses), inits, 'init').map((status) =>
    withReadiness(status, find(inits, status.name), probes, true),
  );
  const statuses = containerStatuses(of(old.containerStatuses), spec.containers, 'regular').map((status) =>
    withReadiness(status, find(spec.containers, status.name), probes, false),
  );
  const ephemeralStatuses = containerStatuses(of(old.ephemeralContainerStatuses), ephemeral, 'ephemeral');
  const byName = statusesByName([initStatuses, statuses]);
  const hasStarted = spec.containers.some(({ name }) => {
    const status = newestOf(runtime, name);
    return status !== undefined && status.startedAtMs > 0;
  });
  const phase = finalPhase(input, phaseOf(spec, byName, input.isTerminal, hasStarted));
  const disruption = input.failure?.disruption === undefined ? {} : { disruption: input.failure.disruption };
  const hasSandbox = !sandboxChanged(pod, runtime).changed;
  const ips = currentIps(input);
  const reason = input.failure?.reason ?? (phase === old.phase ? old.reason || pod.status?.reason : undefined);
  const message = input.failure?.message ?? (phase === old.phase ? old.message || pod.status?.message : undefined);
  return {
    ...(pod.metadata!.generation === undefined ? {} : { observedGeneration: pod.metadata!.generation }),
    phase,
    conditions: conditionsOf({ pod, runtime, old, statuses: byName, phase, hasSandbox, resize: input.resize ?? [], now, ...disruption }),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(ips.length > 0 ? { podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: old.startTime ?? pod.status?.startTime ?? now,
    ...(inits.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeralStatuses } : {}),
    qosClass: qosOf(pod),
    ...podLevelStatus(pod, input.actuatedPod ?? pod, pod.status?.phase === 'Running'),
  };
}
