// What the container runtime knows of one pod, in the node's own words (pkg/kubelet/container/runtime.go PodStatus).
import type { corev1 } from '@tiphys/api';
import {
  ContainerState,
  type ContainerStatus,
  type Container as CriContainer,
  PodSandboxState,
  type PodSandboxStatus,
} from '../cri/generated/cri.ts';

export type RuntimeState = 'created' | 'running' | 'exited' | 'unknown';

export interface RuntimeContainer {
  id: string;
  name: string;
  sandboxId: string;
  state: RuntimeState;
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  image: string;
  imageRef: string;
  reason: string;
  message: string;
  restartCount: number;
  hash: string;
  logPath: string;
  /** Where in the container whole trees are read-only. */
  recursiveReadOnly?: readonly string[];
  resources?: { cpuShares: number; cpuQuota: number; cpuPeriod: number; memoryLimitBytes: number };
  user?: { uid: number; gid: number; supplementalGroups: number[] };
}

export interface RuntimeSandbox {
  id: string;
  attempt: number;
  ready: boolean;
  createdAtMs: number;
  hostNetwork: boolean;
  ips: string[];
}

/** Newest first, both. */
export interface PodRuntime {
  sandboxes: RuntimeSandbox[];
  containers: RuntimeContainer[];
}

export const EMPTY_RUNTIME: PodRuntime = { sandboxes: [], containers: [] };

export const LABELS = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const ANNOTATIONS = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  terminationMessageFile: 'tiphys.io/termination-message-file',
  podTerminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  preStopHandler: 'io.kubernetes.container.preStopHandler',
} as const;

const NANOSECONDS_PER_MS = 1e6;
const ms = (nanoseconds: number | undefined) => (nanoseconds ?? 0) / NANOSECONDS_PER_MS;

const STATES: Record<number, RuntimeState> = {
  [ContainerState.CONTAINER_CREATED]: 'created',
  [ContainerState.CONTAINER_RUNNING]: 'running',
  [ContainerState.CONTAINER_EXITED]: 'exited',
  [ContainerState.CONTAINER_UNKNOWN]: 'unknown',
};

export const stateOf = (state: number | undefined): RuntimeState => STATES[state ?? 0] ?? 'unknown';

export function runtimeContainer(status: ContainerStatus, sandboxId: string, terminationMessage: string): RuntimeContainer {
  const linux = status.resources?.linux;
  const user = status.user?.linux;
  return {
    id: status.id!,
    name: status.metadata?.name ?? '',
    sandboxId,
    state: stateOf(status.state),
    createdAtMs: ms(status.createdAt),
    startedAtMs: ms(status.startedAt),
    finishedAtMs: ms(status.finishedAt),
    exitCode: status.exitCode ?? 0,
    image: status.image?.image ?? '',
    imageRef: status.imageRef ?? '',
    reason: status.reason ?? '',
    message: terminationMessage || (status.message ?? ''),
    restartCount: Number(status.annotations?.[ANNOTATIONS.restartCount] ?? status.metadata?.attempt ?? 0),
    hash: status.annotations?.[ANNOTATIONS.hash] ?? '',
    logPath: status.logPath ?? '',
    recursiveReadOnly: (status.mounts ?? []).flatMap(({ recursiveReadOnly, containerPath = '' }) =>
      recursiveReadOnly ? [containerPath] : [],
    ),
    ...(linux
      ? {
          resources: {
            cpuShares: linux.cpuShares ?? 0,
            cpuQuota: linux.cpuQuota ?? 0,
            cpuPeriod: linux.cpuPeriod ?? 0,
            memoryLimitBytes: linux.memoryLimitInBytes ?? 0,
          },
        }
      : {}),
    ...(user ? { user: { uid: user.uid ?? 0, gid: user.gid ?? 0, supplementalGroups: user.supplementalGroups ?? [] } } : {}),
  };
}

const NODE_NAMESPACE = 2;

export function runtimeSandbox(status: PodSandboxStatus): RuntimeSandbox {
  const ips = [status.network?.ip, ...(status.network?.additionalIps ?? []).map((entry) => entry.ip)];
  return {
    id: status.id!,
    attempt: status.metadata?.attempt ?? 0,
    ready: (status.state ?? 0) === PodSandboxState.SANDBOX_READY,
    createdAtMs: ms(status.createdAt),
    hostNetwork: status.linux?.namespaces?.options?.network === NODE_NAMESPACE,
    ips: ips.filter((ip): ip is string => Boolean(ip)),
  };
}

export const podUidOf = (object: CriContainer | { labels?: Record<string, string> }): string => object.labels?.[LABELS.podUid] ?? '';

export const newestOf = (runtime: PodRuntime, name: string): RuntimeContainer | undefined =>
  runtime.containers.find((container) => container.name === name);

export const isHostNetwork = (pod: corev1.Pod): boolean => pod.spec?.hostNetwork === true;
export const isSidecar = (container: corev1.Container): boolean => container.restartPolicy === 'Always';

/** Containers of all three kinds in the order of the spec. */
export function allContainers(pod: corev1.Pod): corev1.Container[] {
  const spec = pod.spec!;
  return [...(spec.initContainers ?? []), ...spec.containers, ...((spec.ephemeralContainers ?? []) as unknown as corev1.Container[])];
}

export const findContainer = (pod: corev1.Pod, name: string): corev1.Container | undefined =>
  allContainers(pod).find((container) => container.name === name);

/** `name_namespace(uid)`, as upstream's format.Pod prints it. */
export const podText = (pod: corev1.Pod): string => `${pod.metadata!.name}_${pod.metadata!.namespace}(${pod.metadata!.uid})`;

/** FNV-1a over the fields whose change means another container (HashContainer: name and image). */
export function containerHash(container: corev1.Container): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify([container.name, container.image ?? '']))) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}
