// Starts a pod's sandbox (kuberuntime_sandbox.go createPodSandbox, runtimeclass_manager.go, userns_manager.go).
import { type corev1, nodev1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { sandboxConfiguration } from '../container/sandbox-configuration.ts';
import type { PodSandboxConfig } from '../cri/generated/cri.ts';
import type { NodeContext } from './node-context.ts';
import { podLogDirectory } from './paths.ts';
import type { PodPlan } from './plan.ts';
import { isHostNetwork, type PodRuntime } from './pod-runtime.ts';

export interface RunningSandbox {
  sandboxId: string;
  sandbox: PodSandboxConfig;
  podIps: readonly string[];
}

/** The name by which the runtime knows what the pod's RuntimeClass asks for; empty is its default. */
async function runtimeHandler({ client }: NodeContext, pod: corev1.Pod): Promise<string> {
  const name = pod.spec!.runtimeClassName;
  if (!name) return '';
  try {
    return (await client.of(nodev1.runtimeclasses).get(name)).handler;
  } catch (error) {
    if (isNotFound(error)) throw new Error(`runtimeclass.node.k8s.io "${name}" not found`, { cause: error });
    throw new Error(`failed to lookup RuntimeClass ${name}: ${(error as Error).message}`, { cause: error });
  }
}

async function runSandbox(context: NodeContext, pod: corev1.Pod, sandbox: PodSandboxConfig): Promise<string> {
  if (pod.spec!.hostUsers === false) throw new Error("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  return context.cri.runPodSandbox({ config: sandbox, runtimeHandler: await runtimeHandler(context, pod) });
}

/** The sandbox to put containers into, made anew when the plan says so. `onFailure` learns why one could not be made. */
export async function ensureSandbox(
  context: NodeContext,
  pod: corev1.Pod,
  plan: PodPlan,
  runtime: PodRuntime,
  onFailure: (message: string) => void,
): Promise<RunningSandbox> {
  const { cri, cgroups, dns, directory, hostIp } = context;
  const logDirectory = podLogDirectory(directory, pod);
  const sandbox = sandboxConfiguration({ pod, attempt: plan.attempt, dns, cgroupParent: cgroups.podPath(pod), logDirectory });
  if (!plan.createSandbox) {
    const podIps = isHostNetwork(pod) ? [hostIp] : (runtime.sandboxes[0]?.ips ?? []);
    return { sandboxId: plan.sandboxId, sandbox, podIps };
  }
  let sandboxId: string;
  try {
    sandboxId = await runSandbox(context, pod, sandbox);
  } catch (error) {
    onFailure(`Failed to create pod sandbox: ${(error as Error).message}`);
    throw error;
  }
  if (isHostNetwork(pod)) return { sandboxId, sandbox, podIps: [hostIp] };
  const { status } = await cri.podSandboxStatus(sandboxId);
  const podIps = [status?.network?.ip, ...(status?.network?.additionalIps ?? []).map(({ ip }) => ip)];
  return { sandboxId, sandbox, podIps: podIps.filter((ip): ip is string => Boolean(ip)) };
}
