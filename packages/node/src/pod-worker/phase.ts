// A pod's phase from the statuses of its containers (pkg/kubelet/kubelet_pods.go getPhase).
import type { corev1 } from '@tiphys/api';
import { isSidecar } from './pod-runtime.ts';
import { RESTARTING_REASON, restartsAfterExit } from './restart.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Counts {
  pendingInit: number;
  pendingSidecars: number;
  failedForGood: number;
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  stoppedForGood: number;
  succeeded: number;
}

type Statuses = ReadonlyMap<string, corev1.ContainerStatus>;

const runsAgain = (spec: corev1.PodSpec, container: corev1.Container, { exitCode, reason }: corev1.ContainerStateTerminated): boolean =>
  reason === RESTARTING_REASON || restartsAfterExit(container, spec, exitCode);

function countInit(spec: corev1.PodSpec, container: corev1.Container, status: corev1.ContainerStatus | undefined, counts: Counts): void {
  const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
  if (!ended) counts.pendingInit++;
  else if (ended.exitCode !== 0 && !runsAgain(spec, container, ended)) counts.failedForGood++;
}

function countSidecar(status: corev1.ContainerStatus | undefined, counts: Counts): void {
  if (!status) counts.unknown++;
  else if (status.state?.running) {
    if (!status.started) counts.pendingSidecars++;
    counts.running++;
  } else if (status.state?.waiting && !status.lastState?.terminated) {
    counts.pendingSidecars++;
    counts.waiting++;
  } else if (!status.state?.terminated && !status.state?.waiting) {
    counts.pendingSidecars++;
    counts.unknown++;
  }
}

function countRegular(spec: corev1.PodSpec, container: corev1.Container, status: corev1.ContainerStatus | undefined, counts: Counts): void {
  const state = status?.state;
  if (state?.running) counts.running++;
  else if (state?.terminated) {
    counts.stopped++;
    if (!runsAgain(spec, container, state.terminated)) counts.stoppedForGood++;
    if (state.terminated.exitCode === 0) counts.succeeded++;
  } else if (state?.waiting) {
    const last = status?.lastState?.terminated;
    if (!last) counts.waiting++;
    else {
      counts.stopped++;
      if (!runsAgain(spec, container, last)) counts.stoppedForGood++;
    }
  } else counts.unknown++;
}

/** `isTerminal`: nothing will be started again. `hasStarted`: some regular container of this sandbox has run. */
export function phaseOf(spec: corev1.PodSpec, statuses: Statuses, isTerminal: boolean, hasStarted: boolean): Phase {
  const counts: Counts = {
    pendingInit: 0,
    pendingSidecars: 0,
    failedForGood: 0,
    unknown: 0,
    running: 0,
    waiting: 0,
    stopped: 0,
    stoppedForGood: 0,
    succeeded: 0,
  };
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) countSidecar(statuses.get(container.name), counts);
    else countInit(spec, container, statuses.get(container.name), counts);
  }
  for (const container of spec.containers) countRegular(spec, container, statuses.get(container.name), counts);
  if (counts.failedForGood > 0) return 'Failed';
  if (counts.pendingInit > 0 || (counts.pendingSidecars > 0 && !hasStarted) || counts.waiting > 0) return 'Pending';
  if (counts.running > 0 && counts.unknown === 0) return 'Running';
  if (counts.running === 0 && counts.stopped > 0 && counts.unknown === 0) {
    if (!isTerminal && counts.stopped !== counts.stoppedForGood) return 'Running';
    return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed';
  }
  return 'Pending';
}
