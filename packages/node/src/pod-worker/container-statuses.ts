// status.containerStatuses and its two siblings from what the runtime knows (kubelet_pods.go convertToAPIContainerStatuses).
import { type corev1, timeText } from '@tiphys/api';
import { isSidecar, newestOf, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';
import { RESTARTING_REASON, shouldBeRestarted } from './restart.ts';

/** Why a container could not be started, by its name. */
export type StartFailures = ReadonlyMap<string, { reason: string; message: string }>;

export interface ContainerStatusInput {
  pod: corev1.Pod;
  runtime: PodRuntime;
  previous: readonly corev1.ContainerStatus[];
  failures: StartFailures;
  /** All containers of the pod are being taken down to start over. */
  restartsAll?: boolean;
  actuated?: ((container: string) => corev1.ResourceRequirements | undefined) | undefined;
}

export type ContainerKind = 'init' | 'regular' | 'ephemeral';

const seconds = (timeMs: number) => (timeMs > 0 ? timeText(timeMs) : (null as unknown as string));
const LOST_EXIT_CODE = 137;

function volumeMountsOf(container: corev1.Container, recursive: readonly string[] = []): Pick<corev1.ContainerStatus, 'volumeMounts'> {
  const mounts = (container.volumeMounts ?? []).map((mount) => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly ? { readOnly: true, recursiveReadOnly: recursive.includes(mount.mountPath) ? 'Enabled' : 'Disabled' } : {}),
  }));
  return mounts.length > 0 ? { volumeMounts: mounts } : {};
}

const RESET_MESSAGE = 'The container is removed because RestartAllContainers in place';

const lost = (reason: string, message: string): corev1.ContainerState => ({
  terminated: { exitCode: LOST_EXIT_CODE, reason, message, startedAt: null!, finishedAt: null! },
});

function stateOf(status: RuntimeContainer, old: corev1.ContainerStatus | undefined, restartsAll = false): corev1.ContainerState {
  if (status.state === 'running') return { running: { startedAt: seconds(status.startedAtMs) } };
  if (status.state === 'exited') {
    return {
      terminated: {
        exitCode: status.exitCode,
        ...(status.reason ? { reason: status.reason } : {}),
        ...(status.message ? { message: status.message } : {}),
        startedAt: seconds(status.startedAtMs),
        finishedAt: seconds(status.finishedAtMs),
        containerID: `containerd://${status.id}`,
      },
    };
  }
  if (status.state === 'unknown' && old?.state?.running) {
    const message = 'The container could not be located when the pod was terminated';
    return lost(restartsAll ? RESTARTING_REASON : 'ContainerStatusUnknown', message);
  }
  return { waiting: {} };
}

/** What was agreed to, and what the container runs with: they differ while a resize is on its way. */
function resourcesOf(container: corev1.Container, has: corev1.ResourceRequirements | undefined): Partial<corev1.ContainerStatus> {
  const allocated = container.resources?.requests;
  const { limits, requests } = has ?? container.resources ?? {};
  // What a container has from its pod alone is not its own.
  const isLimited = container.resources?.limits !== undefined;
  return {
    ...(allocated && Object.keys(allocated).length > 0 ? { allocatedResources: allocated } : {}),
    resources: { ...(limits && isLimited ? { limits } : {}), ...(requests ? { requests } : {}) },
  };
}

function fromRuntime(
  container: corev1.Container,
  status: RuntimeContainer,
  old: corev1.ContainerStatus | undefined,
  { has, restartsAll }: { has: corev1.ResourceRequirements | undefined; restartsAll: boolean },
): corev1.ContainerStatus {
  const ended = old?.containerID !== `containerd://${status.id}` ? old?.state?.terminated : undefined;
  const last = ended ?? old?.lastState?.terminated;
  return {
    name: status.name,
    state: stateOf(status, old, restartsAll),
    lastState: last ? { terminated: last } : {},
    ready: false,
    restartCount: Math.max(status.restartCount, old?.restartCount ?? 0),
    image: status.image,
    imageID: status.imageRef,
    containerID: `containerd://${status.id}`,
    ...volumeMountsOf(container, status.recursiveReadOnly),
    ...resourcesOf(container, status.state === 'running' ? has : undefined),
    ...(status.user ? { user: { linux: status.user } } : {}),
  };
}

/** Nothing in the runtime: still to come, or lost after it ran. */
function withoutRuntime(input: ContainerStatusInput, container: corev1.Container, hasInit: boolean): corev1.ContainerStatus {
  const old = input.previous.find(({ name }) => name === container.name);
  const isReset = input.restartsAll && old && !old.state?.waiting;
  if (old?.state?.terminated && !isReset) return old;
  const status: corev1.ContainerStatus = {
    name: container.name,
    state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } },
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    ...volumeMountsOf(container),
  };
  if (isReset) {
    status.state = { waiting: { reason: RESTARTING_REASON, message: RESET_MESSAGE } };
    status.lastState = lost(RESTARTING_REASON, RESET_MESSAGE);
    status.restartCount++;
  } else if (old?.state?.running && !status.lastState?.terminated) {
    const message = 'The container could not be located when the pod was deleted.  The container used to be Running';
    status.lastState = lost('ContainerStatusUnknown', message);
    if (!input.pod.metadata?.deletionTimestamp) status.restartCount++;
  }
  return status;
}

function waitingStatus(input: ContainerStatusInput, container: corev1.Container, status: corev1.ContainerStatus): corev1.ContainerStatus {
  const failure = input.failures.get(container.name);
  if (!failure || !shouldBeRestarted(container, input.pod, input.runtime)) return status;
  return {
    ...status,
    ...(status.state?.terminated ? { lastState: status.state } : {}),
    state: { waiting: { reason: failure.reason, ...(failure.message ? { message: failure.message } : {}) } },
  };
}

export function containerStatuses(
  input: ContainerStatusInput,
  containers: readonly corev1.Container[],
  kind: ContainerKind,
): corev1.ContainerStatus[] {
  const { pod, runtime } = input;
  const hasInit = (pod.spec!.initContainers ?? []).length > 0;
  const regularCreated = pod.spec!.containers.some(({ name }) => newestOf(runtime, name));
  const statuses = containers.map((container) => {
    const [newest, before] = runtime.containers.filter(({ name }) => name === container.name);
    if (!newest) {
      const status = withoutRuntime(input, container, hasInit);
      if (kind === 'init' && !isSidecar(container) && regularCreated && status.state?.waiting) {
        const message =
          'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally';
        return { ...status, state: { terminated: { exitCode: 0, reason: 'Completed', message, startedAt: null!, finishedAt: null! } } };
      }
      return waitingStatus(input, container, status);
    }
    const old = input.previous.find(({ name }) => name === container.name);
    const has = input.actuated?.(container.name);
    const status = fromRuntime(container, newest, old, { has, restartsAll: input.restartsAll ?? false });
    if (before) status.lastState = stateOf(before, undefined);
    if (kind === 'init' && newest.state === 'exited' && newest.exitCode === 0 && !isSidecar(container)) return status;
    return waitingStatus(input, container, status);
  });
  return kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}
