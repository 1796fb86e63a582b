// Carries a plan for a pod's containers out: kills, resets, the sandbox, starts (kuberuntime_manager.go SyncPod).
import type { corev1 } from '@tiphys/api';
import { StartError } from '../images/puller.ts';
import type { MountedVolume } from '../volumes/volume-manager.ts';
import { purgeInit, removeContainer } from './clean-up.ts';
import { type KillOptions, killContainer, killPod } from './kill.ts';
import type { NodeContext } from './node-context.ts';
import type { PodPlan } from './plan.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodResize } from './pod-resize.ts';
import { findContainer, isHostNetwork, isSidecar, newestOf, type PodRuntime, podText } from './pod-runtime.ts';
import { resizeIsNeeded } from './resources.ts';
import { ensureSandbox, type RunningSandbox } from './sandbox.ts';
import { startContainer } from './start.ts';

type Mounted = ReadonlyMap<string, MountedVolume>;

/** How soon a container is tried again that could not be started and waits for no back-off. */
const RETRY_MS = 10_000;
const WAIT_MS_MIN = 100;

export class ContainerSync {
  /** Why containers could not be started, by their names. */
  readonly failures = new Map<string, { reason: string; message: string }>();
  readonly #context: NodeContext;
  readonly #resize: PodResize;
  readonly #events: PodEvents;

  constructor(context: NodeContext, resize: PodResize, events: PodEvents) {
    this.#context = context;
    this.#resize = resize;
    this.#events = events;
  }

  /** Whether anything was changed in the runtime. */
  async carryOut(pod: corev1.Pod, plan: PodPlan, runtime: PodRuntime, mounted: Mounted, isWanted: () => boolean): Promise<boolean> {
    const options = this.killOptions(pod, runtime);
    if (plan.createSandbox && plan.sandboxId) {
      this.#events.pod('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    }
    if (plan.killPod) await killPod(options, runtime);
    else {
      for (const kill of plan.toKill) await killContainer(options, kill);
      await this.#reset(options, plan);
    }
    if (plan.killPod && !plan.createSandbox) return true;
    const resizes = resizeIsNeeded(plan.resize);
    if (resizes && (await this.#resize.carryOut(pod, plan.resize))) this.#context.onRoom();
    const changed = resizes || plan.createSandbox || plan.toKill.length > 0 || plan.toReset.length > 0;
    const starts = [...plan.ephemeralToStart, ...plan.initToStart, ...plan.toStart];
    if (!plan.createSandbox && starts.length === 0) return changed;
    if (plan.createSandbox) await purgeInit(this.#context, pod, runtime);
    const sandbox = await ensureSandbox(this.#context, pod, plan, runtime, (reason, message) => {
      if (isWanted()) this.#events.pod('Warning', reason, message);
    });
    this.#mentionMissingSecrets(pod);
    const started = await this.#startAll(pod, plan, starts, { ...sandbox, runtime, mounted });
    return changed || started || this.failures.size > 0;
  }

  /** For RestartAllContainers: what runs ends at once, and everything is taken out of the runtime. Logs stay. */
  async #reset(options: KillOptions, { toReset }: PodPlan): Promise<void> {
    if (toReset.length > 0) this.failures.clear();
    for (const { id, name, kill } of toReset) {
      if (kill) await killContainer(options, { id, name, message: 'killing', reason: 'restartAllContainers', graceOverride: 0 });
      await removeContainer(this.#context.cri, id);
    }
  }

  #mentionMissingSecrets({ metadata, spec }: corev1.Pod): void {
    const { secrets } = this.#context.volumes;
    const missing = (spec!.imagePullSecrets ?? []).filter(({ name }) => !secrets.get(metadata!.namespace!, name ?? ''));
    if (missing.length === 0) return;
    const names = missing.map(({ name }) => name).join(', ');
    const message = `Unable to retrieve some image pull secrets (${names}); attempting to pull the image may not succeed.`;
    this.#events.pod('Warning', 'FailedToRetrieveImagePullSecret', message);
  }

  async #startAll(
    pod: corev1.Pod,
    plan: PodPlan,
    names: readonly string[],
    given: RunningSandbox & { runtime: PodRuntime; mounted: Mounted },
  ): Promise<boolean> {
    let any = false;
    for (const name of names) {
      const container = findContainer(pod, name)!;
      const started = await this.#start(pod, container, given);
      any ||= started;
      const mustSucceed = plan.initToStart.includes(name) && !isSidecar(container);
      if (!started && mustSucceed) break;
    }
    return any;
  }

  async #start(
    pod: corev1.Pod,
    container: corev1.Container,
    given: RunningSandbox & { runtime: PodRuntime; mounted: Mounted },
  ): Promise<boolean> {
    if (this.#inBackOff(pod, container, given.runtime)) return false;
    const { mounted: volumes, ...others } = given;
    try {
      this.#resize.starts(pod, container);
      await startContainer({ context: this.#context, pod, container, volumes, event: this.#events.container, ...others });
      this.failures.delete(container.name);
      return true;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.failures.set(container.name, { reason: error.reason, message: error.message });
      return false;
    }
  }

  #inBackOff(pod: corev1.Pod, { name }: corev1.Container, runtime: PodRuntime): boolean {
    const ended = runtime.containers.find((container) => container.name === name && container.state === 'exited');
    if (!ended) return false;
    const { crashLoop, runtime: machine } = this.#context;
    const key = backOffKey(pod, name);
    const nowMs = machine.clock.now();
    if (!crashLoop.waitsSince(key, ended.finishedAtMs, nowMs)) {
      crashLoop.failed(key, ended.finishedAtMs, nowMs);
      return false;
    }
    this.#events.container(name, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${podText(pod)}`);
    const message = `back-off ${goDuration(crashLoop.delayMs(key))} restarting failed container=${name} pod=${podText(pod)}`;
    this.failures.set(name, { reason: 'CrashLoopBackOff', message });
    return true;
  }

  /** Milliseconds until a container that could not be started is tried again. */
  nextTryMs(pod: corev1.Pod, runtime: PodRuntime): number {
    const { crashLoop, runtime: machine } = this.#context;
    const waits = [...this.failures.keys()].map((name) => {
      const ended = newestOf(runtime, name);
      return ended ? crashLoop.delayMs(backOffKey(pod, name)) - (machine.clock.now() - ended.finishedAtMs) : RETRY_MS;
    });
    return Math.max(WAIT_MS_MIN, Math.min(...waits, Number.POSITIVE_INFINITY));
  }

  killOptions(pod: corev1.Pod, runtime: PodRuntime): KillOptions {
    const podIp = isHostNetwork(pod) ? this.#context.hostIp : (runtime.sandboxes[0]?.ips[0] ?? '');
    return { context: this.#context, pod, podIp, event: this.#events.container };
  }
}

const backOffKey = (pod: corev1.Pod, container: string) => `${pod.metadata!.uid}_${container}`;

/** `10s`, `1m20s`, as Go prints durations of whole seconds. */
function goDuration(ms: number): string {
  const total = Math.round(ms / 1000);
  const minutes = Math.floor(total / 60);
  return minutes > 0 ? `${minutes}m${total % 60}s` : `${total}s`;
}
