// The in-place resize of one pod: asks for what the spec wants, gives it to pod and containers, and says how far it has come
// (allocation_manager.go handlePodResourcesResize, kuberuntime_manager.go doPodResizeAction, status_manager.go; KEP-1287).
import type { corev1 } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import type { PodLimits } from '../cgroups/cgroup-tree.ts';
import { linuxResources } from '../container/container-configuration.ts';
import type { NodeContext } from './node-context.ts';
import { inheritedResources } from './pod-level.ts';
import type { PodRuntime } from './pod-runtime.ts';
import {
  type Amounts,
  type PodResources,
  planResize,
  type ResizableResource,
  type ResizePlan,
  type ResourceUpdate,
  resizeIsNeeded,
  resizeMessage,
  resourcesOfPod,
  wantsOther,
  withResources,
} from './resources.ts';

export type ResizeCondition = Pick<corev1.PodCondition, 'type' | 'status' | 'reason' | 'message' | 'observedGeneration'>;
type PodEvent = (type: EventType, reason: string, message: string) => void;

const PENDING = 'PodResizePending';
const IN_PROGRESS = 'PodResizeInProgress';
export const RESIZE_CONDITIONS: readonly string[] = [PENDING, IN_PROGRESS];

const generationOf = (pod: corev1.Pod) => pod.metadata!.generation ?? 0;

export class PodResize {
  readonly #context: NodeContext;
  readonly #event: PodEvent;
  readonly #uid: string;
  readonly #conditions = new Map<string, ResizeCondition>();

  constructor(context: NodeContext, pod: corev1.Pod, event: PodEvent) {
    this.#context = context;
    this.#event = event;
    this.#uid = pod.metadata!.uid!;
    if (!context.allocations.get(this.#uid)) {
      context.allocations.set(this.#uid, { allocated: resourcesOfPod(pod), actuated: { containers: {} } });
    }
    for (const { type, status, reason, message, observedGeneration } of pod.status?.conditions ?? []) {
      if (!RESIZE_CONDITIONS.includes(type)) continue;
      const told = { ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
      this.#conditions.set(type, { type, status, ...told, ...(observedGeneration ? { observedGeneration } : {}) });
    }
  }

  get conditions(): ResizeCondition[] {
    return [...this.#conditions.values()];
  }

  /** Waits for others to leave room. */
  get isPending(): boolean {
    return this.#conditions.has(PENDING);
  }

  #allocated(): PodResources {
    return this.#context.allocations.get(this.#uid)?.allocated ?? { containers: {} };
  }

  /** What the container was started or updated with last. */
  actuated(name: string): corev1.ResourceRequirements | undefined {
    return this.#actuated.containers[name];
  }

  get #actuated(): PodResources {
    return this.#context.allocations.get(this.#uid)?.actuated ?? { containers: {} };
  }

  /** The pod with what its cgroup and its containers have. */
  actuatedPod(pod: corev1.Pod): corev1.Pod {
    return withResources(pod, this.#actuated);
  }

  /** The pod as it may run. */
  allocatedPod(pod: corev1.Pod): corev1.Pod {
    return withResources(pod, this.#allocated());
  }

  /** Asks for what the spec wants; answers whether it was given. */
  allocate(pod: corev1.Pod): boolean {
    if (!wantsOther(pod, this.#allocated())) {
      this.#conditions.delete(PENDING);
      return false;
    }
    const observedGeneration = generationOf(pod);
    const refusal = this.#context.admitResize(pod);
    if (refusal) {
      const reason = refusal.reason === 'Infeasible' ? 'Infeasible' : 'Deferred';
      const before = this.#conditions.get(PENDING);
      this.#conditions.set(PENDING, { type: PENDING, status: 'True', reason, message: refusal.message, observedGeneration });
      if (before?.reason !== reason || before.observedGeneration !== observedGeneration) {
        this.#event('Warning', `Resize${reason}`, resizeMessage(`Pod resize ${reason}`, pod, observedGeneration, refusal.message));
      }
      return false;
    }
    this.#context.allocations.set(this.#uid, { allocated: resourcesOfPod(pod), actuated: this.#actuated });
    this.#conditions.delete(PENDING);
    this.#conditions.set(IN_PROGRESS, { type: IN_PROGRESS, status: 'True', observedGeneration });
    this.#event('Normal', 'ResizeStarted', resizeMessage('Pod resize started', pod, observedGeneration));
    return true;
  }

  plan(pod: corev1.Pod, runtime: PodRuntime): ResizePlan {
    return planResize(pod, runtime, this.#actuated);
  }

  /** Brings the condition in line with what runs. */
  settle(pod: corev1.Pod, runtime: PodRuntime, isTerminal: boolean): void {
    if (isTerminal) this.#conditions.clear();
    const condition = this.#conditions.get(IN_PROGRESS);
    if (isTerminal) return;
    if (resizeIsNeeded(this.plan(pod, runtime))) {
      if (!condition) this.#conditions.set(IN_PROGRESS, { type: IN_PROGRESS, status: 'True', observedGeneration: generationOf(pod) });
    } else if (condition) {
      this.#conditions.delete(IN_PROGRESS);
      this.#event(
        'Normal',
        'ResizeCompleted',
        resizeMessage('Pod resize completed', pod, condition.observedGeneration ?? generationOf(pod)),
      );
    }
  }

  /** A container is about to start with the resources of this spec. */
  starts(pod: corev1.Pod, container: corev1.Container): void {
    // The pod's cgroup was made with the same spec.
    if (pod.spec!.resources && !this.#actuated.pod) this.#actuatePod(pod.spec!.resources);
    this.#actuate(container.name, inheritedResources(pod, container));
  }

  #actuatePod(resources: corev1.ResourceRequirements): void {
    const known = this.#context.allocations.get(this.#uid);
    if (known) this.#context.allocations.set(this.#uid, { ...known, actuated: { ...known.actuated, pod: resources } });
  }

  #actuate(name: string, resources: corev1.ResourceRequirements): void {
    const known = this.#context.allocations.get(this.#uid);
    if (!known) return;
    const containers = { ...known.actuated.containers, [name]: resources };
    this.#context.allocations.set(this.#uid, { ...known, actuated: { ...known.actuated, containers } });
  }

  /** Carries a plan out; answers whether everything went well. What is left is done in a later round. */
  async carryOut(pod: corev1.Pod, plan: ResizePlan): Promise<boolean> {
    try {
      await this.#carryOut(pod, plan);
      return true;
    } catch (error) {
      const message = (error as Error).message;
      const condition = this.#conditions.get(IN_PROGRESS);
      const observedGeneration = condition?.observedGeneration ?? generationOf(pod);
      this.#conditions.set(IN_PROGRESS, { type: IN_PROGRESS, status: 'True', reason: 'Error', message, observedGeneration });
      if (condition?.message !== message) {
        this.#event('Warning', 'ResizeError', resizeMessage('Pod resize error', pod, observedGeneration, message));
      }
      return false;
    }
  }

  async #carryOut(pod: corev1.Pod, { updates, pod: isForPod, restarts }: ResizePlan): Promise<void> {
    const { cgroups } = this.#context;
    const current = await cgroups.limitsOf(pod);
    const wanted = cgroups.wantedLimits(pod);
    // A limit that is taken away stays: neither the kernel's files nor CRI can say "none" without a moment of being wrong.
    const desired: PodLimits = {
      ...wanted,
      cpuQuota: wanted.cpuQuota || current.cpuQuota,
      memoryBytes: wanted.memoryBytes || current.memoryBytes,
    };
    const isForAll = restarts.length > 0 || isForPod;
    if (updates.memory.length > 0 || isForPod) await this.#verifyUsage(pod, updates.memory, current, desired);
    if (isForAll || updates.memory.length > 0) await this.#resize(pod, 'memory', updates.memory, ['memoryBytes'], current, desired);
    if (isForAll || updates.cpu.length > 0) await this.#resize(pod, 'cpu', updates.cpu, ['cpuQuota', 'cpuShares'], current, desired);
    if (isForPod) this.#actuatePod(pod.spec!.resources ?? {});
  }

  /** The pod's cgroup grows before its containers and shrinks after them. */
  async #resize(
    pod: corev1.Pod,
    name: ResizableResource,
    updates: readonly ResourceUpdate[],
    keys: readonly (keyof PodLimits)[],
    current: PodLimits,
    desired: PodLimits,
  ): Promise<void> {
    const { cgroups } = this.#context;
    const open = (limits: PodLimits, key: keyof PodLimits) => limits[key] || Number.POSITIVE_INFINITY;
    for (const key of keys) if (open(desired, key) > open(current, key)) await cgroups.setLimit(pod, key, desired[key]);
    for (const update of updates) await this.#update(pod, name, update);
    for (const key of keys.toReversed()) if (open(desired, key) < open(current, key)) await cgroups.setLimit(pod, key, desired[key]);
  }

  /** One resource of one container; the other keeps what it has at this moment. */
  async #update(pod: corev1.Pod, name: ResizableResource, update: ResourceUpdate): Promise<void> {
    const { container, id, current, desired } = update;
    const next: Amounts =
      name === 'cpu'
        ? { ...current, cpuRequest: desired.cpuRequest, cpuLimit: desired.cpuLimit }
        : { ...current, memoryRequest: desired.memoryRequest, memoryLimit: desired.memoryLimit };
    const resources = requirementsOf(next, inheritedResources(pod, container), this.actuated(container.name) ?? {}, name);
    const linux = linuxResources(pod, { ...container, resources }, this.#context.memory);
    await this.#context.cri.updateContainerResources({ containerId: id, linux });
    Object.assign(current, next);
    this.#actuate(container.name, resources);
  }

  /** A limit below what is in use would kill. */
  async #verifyUsage(pod: corev1.Pod, updates: readonly ResourceUpdate[], current: PodLimits, desired: PodLimits): Promise<void> {
    const { cri, cgroups } = this.#context;
    const problems: string[] = [];
    if (desired.memoryBytes && (!current.memoryBytes || desired.memoryBytes < current.memoryBytes)) {
      const used = await cgroups.memoryUsage(pod);
      if (used >= desired.memoryBytes) {
        problems.push(`attempting to set pod memory limit (${desired.memoryBytes}) below current usage (${used})`);
      }
    }
    for (const { container, id, current: has, desired: wants } of updates) {
      if (!wants.memoryLimit || (has.memoryLimit && wants.memoryLimit >= has.memoryLimit)) continue;
      const [stats] = await cri.listContainerStats({ id });
      const memory = stats?.memory;
      const used = memory?.usageBytes?.value ?? memory?.workingSetBytes?.value;
      if (used === undefined) problems.push(`missing container "${container.name}" memory usage`);
      else if (used >= wants.memoryLimit) {
        problems.push(`attempting to set container "${container.name}" memory limit (${wants.memoryLimit}) below current usage (${used})`);
      }
    }
    if (problems.length === 0) return;
    throw new Error(`cannot decrease memory limits: ${problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`}`);
  }
}

/** The spec's own words for the resource that was changed, and the former ones for the other. */
function requirementsOf(
  next: Amounts,
  wanted: corev1.ResourceRequirements,
  had: corev1.ResourceRequirements,
  changed: ResizableResource,
): corev1.ResourceRequirements {
  const pick = (kind: 'requests' | 'limits') => {
    const list: Record<string, string> = { ...wanted[kind] };
    for (const name of ['cpu', 'memory'] as const) {
      const text = (name === changed ? wanted : had)[kind]?.[name];
      const amount = next[`${name}${kind === 'limits' ? 'Limit' : 'Request'}`];
      if (text !== undefined && amount > 0) list[name] = text;
      else delete list[name];
    }
    return Object.keys(list).length > 0 ? { [kind]: list } : {};
  };
  return { ...pick('limits'), ...pick('requests') };
}
