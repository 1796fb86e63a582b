// Ends containers: preStop hook, order of sidecars, grace period, signal (kuberuntime_container.go killContainer,
// kuberuntime_termination_order.go).
import type { corev1 } from '@tiphys/api';
import { isCriNotFound } from '../cri/errors.ts';
import { containerPort, runExec, runHttp } from './handlers.ts';
import type { NodeContext } from './node-context.ts';
import type { KillReason } from './plan.ts';
import { findContainer, isSidecar, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';

/** Upstream's minimumGracePeriodInSeconds: nobody is killed without a moment to end. */
export const GRACE_SECONDS_MIN = 2;
const GRACE_SECONDS_DEFAULT = 30;
const HOOK_HTTP_TIMEOUT_MS = 30_000;

export type ContainerEvent = (container: string, type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface KillOptions {
  context: NodeContext;
  pod: corev1.Pod;
  event: ContainerEvent;
  podIp: string;
}

export function graceSeconds(pod: corev1.Pod, container: corev1.Container | undefined, reason: KillReason): number {
  if (typeof pod.metadata?.deletionGracePeriodSeconds === 'number') return pod.metadata.deletionGracePeriodSeconds;
  const probe = reason === 'startupProbe' ? container?.startupProbe : reason === 'livenessProbe' ? container?.livenessProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? pod.spec!.terminationGracePeriodSeconds ?? GRACE_SECONDS_DEFAULT;
}

/** Runs a hook; rejects with what went wrong. */
export async function runHook(
  options: KillOptions,
  hook: corev1.LifecycleHandler,
  container: corev1.Container,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  const { context, podIp } = options;
  if (hook.exec) {
    const { outcome, output } = await runExec(context.cri, id, hook.exec, container, 0);
    if (outcome !== 'success') throw new Error(`command '${(hook.exec.command ?? []).join(' ')}' exited with an error: ${output}`);
  } else if (hook.httpGet) {
    containerPort(hook.httpGet.port as number | string, container);
    const { outcome, output } = await runHttp(hook.httpGet, container, podIp, HOOK_HTTP_TIMEOUT_MS);
    // Upstream only asks that the request was answered.
    if (outcome === 'failure' && !output.startsWith('HTTP probe failed')) throw new Error(output);
  } else if (hook.sleep) await context.runtime.clock.sleep((hook.sleep.seconds ?? 0) * 1000, signal);
  else throw new Error('invalid handler');
}

/** Seconds that the hook took, at most the grace period. */
async function preStop(options: KillOptions, container: corev1.Container, id: string, grace: number): Promise<number> {
  const { clock } = options.context.runtime;
  const startedMs = clock.monotonicMs();
  const stop = new AbortController();
  const hook = runHook(options, container.lifecycle!.preStop!, container, id, stop.signal).catch(() => {
    if (!stop.signal.aborted) options.event(container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  });
  await Promise.race([hook, clock.sleep(grace * 1000, stop.signal).catch(() => {})]);
  stop.abort();
  return Math.floor((clock.monotonicMs() - startedMs) / 1000);
}

export interface KillContainer {
  id: string;
  name: string;
  message?: string;
  reason: KillReason;
  graceOverride?: number;
  /** Waits for the containers that have to end before; answers the seconds it took. */
  turn?: (graceSeconds: number) => Promise<number>;
}

export async function killContainer(options: KillOptions, target: KillContainer): Promise<void> {
  const { context, pod, event } = options;
  const container = findContainer(pod, target.name);
  event(target.name, 'Normal', 'Killing', target.message || `Stopping container ${target.name}`);
  let grace = target.graceOverride ?? graceSeconds(pod, container, target.reason);
  if (container?.lifecycle?.preStop && grace > 0) grace -= await preStop(options, container, target.id, grace);
  if (target.turn && grace > 0) grace -= await target.turn(grace);
  try {
    await context.cri.stopContainer(target.id, Math.max(GRACE_SECONDS_MIN, grace));
  } catch (error) {
    if (!isCriNotFound(error)) throw error;
  }
}

/** Sidecars end after the containers that they serve, the last of them first. */
function turns(pod: corev1.Pod, running: readonly RuntimeContainer[], context: NodeContext) {
  const ended = new Map(running.map(({ name }) => [name, Promise.withResolvers<void>()]));
  const sidecars = (pod.spec!.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const before = (name: string) => {
    const at = sidecars.indexOf(name);
    const later = at < 0 ? [] : [...pod.spec!.containers.map((container) => container.name), ...sidecars.slice(at + 1)];
    return later.flatMap((other) => ended.get(other)?.promise ?? []);
  };
  return {
    wait: async (name: string, grace: number) => {
      const { clock } = context.runtime;
      const startedMs = clock.monotonicMs();
      const stop = new AbortController();
      await Promise.race([Promise.all(before(name)), clock.sleep(grace * 1000, stop.signal).catch(() => {})]);
      stop.abort();
      return Math.floor((clock.monotonicMs() - startedMs) / 1000);
    },
    ended: (name: string) => ended.get(name)?.resolve(),
  };
}

/** Ends all containers, then the sandboxes. */
export async function killPod(options: KillOptions, runtime: PodRuntime, graceOverride?: number): Promise<void> {
  const { context, pod } = options;
  const running = runtime.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  const order = turns(pod, running, context);
  const results = await Promise.allSettled(
    running.map(async ({ id, name }) => {
      try {
        const override = graceOverride === undefined ? {} : { graceOverride };
        await killContainer(options, { id, name, reason: '', ...override, turn: (grace) => order.wait(name, grace) });
      } finally {
        order.ended(name);
      }
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  for (const sandbox of runtime.sandboxes) {
    if (!sandbox.ready) continue;
    await context.cri.stopPodSandbox(sandbox.id).catch((error) => {
      if (!isCriNotFound(error)) throw error;
    });
  }
}
