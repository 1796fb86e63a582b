// A container as CRI wants it (kuberuntime_container.go generateContainerConfig, kuberuntime_container_linux.go). Pure.
import { type corev1, parseQuantity } from '@tiphys/api';
import type { ContainerConfig, Device, LinuxContainerResources, Mount } from '../cri/generated/cri.ts';
import { inheritedResources } from '../pod-worker/pod-level.ts';
import { ANNOTATIONS, containerHash, LABELS } from '../pod-worker/pod-runtime.ts';
import { cpuQuota, cpuShares, oomScoreAdjust, QUOTA_PERIOD_MICROSECONDS } from '../pod-worker/qos.ts';
import { expand } from './expansion.ts';
import { containerSecurity, type ImageUser } from './security.ts';

export interface ContainerInput {
  pod: corev1.Pod;
  container: corev1.Container;
  restartCount: number;
  imageRef: string;
  environment: ReadonlyMap<string, string>;
  mounts: Mount[];
  devices?: Device[];
  terminationMessageFile?: string;
  imageUser: ImageUser;
  memory: MachineMemory;
  seccompRoot: string;
  /** The container whose processes an ephemeral one wants to see. */
  targetId?: string;
}

const value = (list: Record<string, string> | undefined, name: string) => {
  const text = list?.[name];
  return text === undefined ? undefined : parseQuantity(text);
};

/** What has to be known of the machine's memory. */
export interface MachineMemory {
  capacityBytes: number;
  /** The version of the cgroups that can keep a container from swapping; 0 when none can. */
  swapControl: 0 | 1 | 2;
  /** Whether the kernel can end all processes of a container that is out of memory, as upstream has it for version 2 (singleProcessOOMKill). */
  endsTogether: boolean;
}

/** Containers never swap: version 1 limits memory and swap together, version 2 apart. */
function memoryRules({ swapControl, endsTogether }: MachineMemory, memoryBytes: number): Partial<LinuxContainerResources> {
  const unified = {
    ...(endsTogether ? { 'memory.oom.group': '1' } : {}),
    ...(swapControl === 2 ? { 'memory.swap.max': '0' } : {}),
  };
  return {
    ...(swapControl === 1 ? { memorySwapLimitInBytes: memoryBytes } : {}),
    ...(Object.keys(unified).length > 0 ? { unified } : {}),
  };
}

export function linuxResources(pod: corev1.Pod, container: corev1.Container, memory: MachineMemory): LinuxContainerResources {
  const { requests, limits } = inheritedResources(pod, container);
  const cpuLimit = value(limits, 'cpu')?.asMilli() ?? 0;
  const cpuRequest = value(requests, 'cpu')?.asMilli() ?? cpuLimit;
  const memoryBytes = value(limits, 'memory')?.asNumber() ?? 0;
  return {
    cpuShares: cpuShares(cpuRequest),
    cpuPeriod: QUOTA_PERIOD_MICROSECONDS,
    cpuQuota: cpuQuota(cpuLimit),
    memoryLimitInBytes: memoryBytes,
    oomScoreAdj: oomScoreAdjust(pod, container, memory.capacityBytes),
    ...memoryRules(memory, memoryBytes),
  };
}

function annotationsOf(input: ContainerInput): Record<string, string> {
  const { container, pod, terminationMessageFile } = input;
  return {
    [ANNOTATIONS.hash]: containerHash(container),
    [ANNOTATIONS.restartCount]: String(input.restartCount),
    [ANNOTATIONS.terminationMessagePath]: container.terminationMessagePath ?? '',
    [ANNOTATIONS.terminationMessagePolicy]: container.terminationMessagePolicy ?? '',
    ...(terminationMessageFile ? { [ANNOTATIONS.terminationMessageFile]: terminationMessageFile } : {}),
    [ANNOTATIONS.podTerminationGracePeriod]: String(pod.spec!.terminationGracePeriodSeconds ?? 30),
    ...(container.lifecycle?.preStop ? { [ANNOTATIONS.preStopHandler]: JSON.stringify(container.lifecycle.preStop) } : {}),
  };
}

export function containerConfiguration(input: ContainerInput): ContainerConfig {
  const { pod, container, restartCount, environment } = input;
  const { name, namespace, uid } = pod.metadata!;
  const expanded = (words: readonly string[] | undefined) => (words ?? []).map((word) => expand(word, (key) => environment.get(key)));
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: input.imageRef, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, text]) => ({ key, value: Buffer.from(text) })),
    mounts: input.mounts,
    devices: input.devices ?? [],
    labels: {
      [LABELS.podName]: name!,
      [LABELS.podNamespace]: namespace!,
      [LABELS.podUid]: uid!,
      [LABELS.containerName]: container.name,
    },
    annotations: annotationsOf(input),
    logPath: `${container.name}/${restartCount}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: linuxResources(pod, container, input.memory),
      securityContext: containerSecurity(pod, container, input.imageUser, input.seccompRoot, input.targetId),
    },
  };
}
