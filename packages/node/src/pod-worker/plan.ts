// What has to be done for a pod, from its spec and what the runtime knows. Pure.
// Follows pkg/kubelet/kuberuntime: computePodActions, computeInitContainerActions, and util.PodSandboxChanged.
import type { corev1 } from '@tiphys/api';
import { containerHash, isHostNetwork, isSidecar, newestOf, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';
import type { ResizePlan } from './resources.ts';
import { initFailed, restartsAfterExit, restartsAllAfterExit, restartsOnFailure, shouldBeRestarted } from './restart.ts';

export type KillReason = 'livenessProbe' | 'startupProbe' | 'unknown' | 'failedPostStartHook' | 'resize' | 'restartAllContainers' | '';

export interface KillAction {
  id: string;
  name: string;
  message: string;
  reason: KillReason;
}

/** A run that is taken out of the runtime, after it was killed when it has not ended. */
export interface ResetAction {
  id: string;
  name: string;
  kill: boolean;
}

export interface PodPlan {
  killPod: boolean;
  createSandbox: boolean;
  attempt: number;
  /** The sandbox to go on with, or the one that has to go. */
  sandboxId: string;
  ephemeralToStart: string[];
  initToStart: string[];
  toStart: string[];
  toKill: KillAction[];
  /** All runs of all containers, when the pod starts over: those that asked for it come last. */
  toReset: ResetAction[];
  /** Limits that have to change while containers run. */
  resize: ResizePlan;
}

const NO_RESIZE: ResizePlan = { updates: { memory: [], cpu: [] }, pod: false, restarts: [] };

export type ProbeResult = 'success' | 'failure' | 'unknown';

/** Results by container id; undefined while a probe has not run. */
export interface ProbeResults {
  liveness(containerId: string): ProbeResult | undefined;
  startup(containerId: string): ProbeResult | undefined;
}

export function sandboxChanged(pod: corev1.Pod, runtime: PodRuntime): { changed: boolean; attempt: number; id: string } {
  const [newest] = runtime.sandboxes;
  if (!newest) return { changed: true, attempt: 0, id: '' };
  const ready = runtime.sandboxes.filter((sandbox) => sandbox.ready);
  if (ready.length > 1 || !newest.ready) return { changed: true, attempt: newest.attempt + 1, id: newest.id };
  if (newest.hostNetwork !== isHostNetwork(pod)) return { changed: true, attempt: newest.attempt + 1, id: '' };
  if (!isHostNetwork(pod) && newest.ips.length === 0) return { changed: true, attempt: newest.attempt + 1, id: newest.id };
  return { changed: false, attempt: newest.attempt, id: newest.id };
}

const succeeded = (container: corev1.Container, runtime: PodRuntime) => {
  const status = newestOf(runtime, container.name);
  return status?.state === 'exited' && status.exitCode === 0;
};

const anyRegularCreated = (pod: corev1.Pod, runtime: PodRuntime) => pod.spec!.containers.some(({ name }) => newestOf(runtime, name));

function planNewSandbox(pod: corev1.Pod, runtime: PodRuntime, plan: PodPlan): PodPlan {
  const spec = pod.spec!;
  const anyRestarts = spec.containers.some((container) => (container.restartPolicy ?? spec.restartPolicy) !== 'Never');
  if (!anyRestarts && plan.attempt !== 0 && runtime.containers.length > 0) return { ...plan, createSandbox: false };
  const toStart = spec.containers
    .filter((container) => !((container.restartPolicy ?? spec.restartPolicy) === 'OnFailure' && succeeded(container, runtime)))
    .map(({ name }) => name);
  if (toStart.length === 0 && anyRegularCreated(pod, runtime)) return { ...plan, createSandbox: false };
  const [firstInit] = spec.initContainers ?? [];
  return firstInit ? { ...plan, initToStart: [firstInit.name] } : { ...plan, toStart };
}

/** Adds to the plan; answers whether the pod is initialized, or 'failed' when it never will be. */
function planInit(pod: corev1.Pod, runtime: PodRuntime, probes: ProbeResults, plan: PodPlan): boolean | 'failed' {
  const inits = pod.spec!.initContainers ?? [];
  if (inits.length === 0) return true;
  const isActive = (status: RuntimeContainer | undefined) => status?.state === 'created' || status?.state === 'running';
  let initialized = pod.spec!.containers.some(({ name }) => isActive(newestOf(runtime, name)));
  let previously = initialized;
  const starts: string[] = [];
  // From the last one back: older ones may have been removed from the runtime, the newest tells how far the pod came.
  for (let i = inits.length - 1; i >= 0; i--) {
    const container = inits[i]!;
    const status = newestOf(runtime, container.name);
    const next = inits[i + 1]?.name;
    if (!status) {
      if (previously && isSidecar(container)) starts.push(container.name);
      continue;
    }
    if (previously && !isSidecar(container)) continue;
    if (status.state === 'created') starts.push(container.name);
    else if (status.state === 'running') {
      if (isSidecar(container) && sidecarStarted(container, status, probes, plan, starts)) {
        if (next === undefined) initialized = true;
        else if (!previously) starts.push(next);
        if (plan.toKill.some(({ id }) => id === status.id)) starts.push(container.name);
        else keepSidecar(container, status, probes, plan, starts);
      } else if (!isSidecar(container) && plan.toKill.some(({ id }) => id === status.id)) starts.push(container.name);
    } else if (isSidecar(container)) {
      if (status.state === 'unknown') plan.toKill.push(unknownKill(status, 'Init container'));
      starts.push(container.name);
    } else if (initFailed(status)) {
      const again =
        status.state === 'unknown'
          ? (container.restartPolicy ?? pod.spec!.restartPolicy) !== 'Never'
          : restartsAfterExit(container, pod.spec!, status.exitCode) && !pod.metadata?.deletionTimestamp;
      if (!again) return 'failed';
      if (status.state === 'unknown') plan.toKill.push(unknownKill(status, 'Init container'));
      starts.push(container.name);
    } else if (next === undefined) initialized = true;
    else starts.push(next);
    previously = true;
  }
  if (!previously) starts.push(inits[0]!.name);
  plan.initToStart.push(...starts.reverse());
  return initialized;
}

const unknownKill = (status: RuntimeContainer, what: string): KillAction => ({
  id: status.id,
  name: status.name,
  message: `${what} is in "unknown" state, try killing it before restart`,
  reason: 'unknown',
});

function sidecarStarted(
  container: corev1.Container,
  status: RuntimeContainer,
  probes: ProbeResults,
  plan: PodPlan,
  starts: string[],
): boolean {
  if (!container.startupProbe) return true;
  const startup = probes.startup(status.id);
  if (startup === 'failure') {
    const message = `Init container ${container.name} failed startup probe`;
    plan.toKill.push({ id: status.id, name: container.name, message, reason: 'startupProbe' });
    starts.push(container.name);
  }
  return startup === 'success';
}

function keepSidecar(container: corev1.Container, status: RuntimeContainer, probes: ProbeResults, plan: PodPlan, starts: string[]): void {
  if (status.hash !== containerHash(container)) {
    plan.toKill.push({ id: status.id, name: container.name, message: `Init container ${container.name} definition changed`, reason: '' });
    starts.push(container.name);
  } else if (container.livenessProbe && probes.liveness(status.id) === 'failure') {
    const message = `Init container ${container.name} failed liveness probe`;
    plan.toKill.push({ id: status.id, name: container.name, message, reason: 'livenessProbe' });
    starts.push(container.name);
  }
}

function killFor(container: corev1.Container, status: RuntimeContainer, probes: ProbeResults): KillAction | undefined {
  const action = (message: string, reason: KillReason) => ({ id: status.id, name: container.name, message, reason });
  if (status.hash !== containerHash(container)) return action(`Container ${container.name} definition changed`, '');
  if (probes.liveness(status.id) === 'failure') return action(`Container ${container.name} failed liveness probe`, 'livenessProbe');
  if (probes.startup(status.id) === 'failure') return action(`Container ${container.name} failed startup probe`, 'startupProbe');
  return undefined;
}

function resetsOf(containers: readonly corev1.Container[], runtime: PodRuntime): { sources: ResetAction[]; others: ResetAction[] } {
  const sources: ResetAction[] = [];
  const others: ResetAction[] = [];
  for (const container of containers) {
    for (const { id, name, state, exitCode } of runtime.containers) {
      if (name !== container.name) continue;
      const isSource = state === 'exited' && restartsAllAfterExit(container, exitCode);
      (isSource ? sources : others).push({ id, name, kill: state !== 'exited' });
    }
  }
  return { sources, others };
}

/** A node that stops half-way must find those again that asked for the restart: they go last. */
function planReset(pod: corev1.Pod, runtime: PodRuntime): ResetAction[] {
  const inits = resetsOf(pod.spec!.initContainers ?? [], runtime);
  const regular = resetsOf(pod.spec!.containers, runtime);
  return [...regular.others, ...inits.others, ...regular.sources, ...inits.sources];
}

export interface PlanOptions {
  resize?: ResizePlan;
  /** All containers have to start over. */
  restartsAll?: boolean;
}

export function planPod(pod: corev1.Pod, runtime: PodRuntime, probes: ProbeResults, options: PlanOptions = {}): PodPlan {
  const { resize = NO_RESIZE, restartsAll = false } = options;
  const { changed, attempt, id } = sandboxChanged(pod, runtime);
  const plan: PodPlan = {
    killPod: changed,
    createSandbox: changed,
    attempt,
    sandboxId: id,
    ephemeralToStart: [],
    initToStart: [],
    toStart: [],
    toKill: [],
    toReset: restartsAll ? planReset(pod, runtime) : [],
    resize: NO_RESIZE,
  };
  if (restartsAll) return plan;
  if (changed) return planNewSandbox(pod, runtime, plan);
  for (const { name } of pod.spec!.ephemeralContainers ?? []) if (!newestOf(runtime, name)) plan.ephemeralToStart.push(name);
  for (const { id, name } of resize.restarts) {
    plan.toKill.push({ id, name, message: `Container ${name} resize requires restart`, reason: 'resize' });
  }
  const initialized = planInit(pod, runtime, probes, plan);
  if (initialized === 'failed') return { ...plan, killPod: true, initToStart: [] };
  // The pod as a whole is resized when all of its containers are there.
  plan.resize = initialized ? resize : { ...resize, pod: false };
  if (!initialized) return plan;
  let kept = 0;
  for (const container of pod.spec!.containers) {
    const status = newestOf(runtime, container.name);
    if (status?.state !== 'running') {
      if (!shouldBeRestarted(container, pod, runtime)) continue;
      plan.toStart.push(container.name);
      if (status?.state === 'unknown') plan.toKill.push(unknownKill(status, 'Container'));
      continue;
    }
    const kill = killFor(container, status, probes);
    if (!kill && resize.restarts.some(({ id }) => id === status.id)) {
      plan.toStart.push(container.name);
      continue;
    }
    if (!kill) {
      kept++;
      continue;
    }
    const restart = kill.reason === '' || (container.restartPolicy ? container.restartPolicy !== 'Never' : restartsOnFailure(pod));
    if (restart) plan.toStart.push(container.name);
    plan.toKill.push(restart ? { ...kill, message: `${kill.message}, will be restarted` } : kill);
  }
  if (kept === 0 && plan.toStart.length === 0) return { ...plan, killPod: true, initToStart: [] };
  return plan;
}
