// Starts a pod's sandbox (kuberuntime_sandbox.go createPodSandbox, runtimeclass_manager.go, userns_manager.go).
import { type corev1, nodev1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { dnsProblems } from '../container/hosts.ts';
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
  /** The runtime that the pod's class asks for; empty is the default. */
  handler: string;
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

type Complain = (reason: string, message: string) => void;

/** What this node can't do for any pod keeps the pod waiting, and it is told why. */
function refuseUnsupported({ spec }: corev1.Pod, complain: Complain): void {
  if (!spec!.resourceClaims?.length) return;
  const why = 'resource claims are not supported by this node';
  complain('FailedPrepareDynamicResources', `Failed to prepare dynamic resources: ${why}`);
  throw new Error(why);
}

async function runSandbox(context: NodeContext, pod: corev1.Pod, sandbox: PodSandboxConfig, handler: string): Promise<string> {
  if (pod.spec!.hostUsers === false) throw new Error("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  return context.cri.runPodSandbox({ config: sandbox, runtimeHandler: handler });
}

/** The sandbox to put containers into, made anew when the plan says so. `complain` learns what was wrong with it. */
export async function ensureSandbox(
  context: NodeContext,
  pod: corev1.Pod,
  plan: PodPlan,
  runtime: PodRuntime,
  complain: Complain,
): Promise<RunningSandbox> {
  const { cri, cgroups, dns, directory, hostIp } = context;
  const logDirectory = podLogDirectory(directory, pod);
  const sandbox = sandboxConfiguration({ pod, attempt: plan.attempt, dns, cgroupParent: cgroups.podPath(pod), logDirectory });
  if (!plan.createSandbox) {
    const handler = await runtimeHandler(context, pod);
    const podIps = isHostNetwork(pod) ? [hostIp] : (runtime.sandboxes[0]?.ips ?? []);
    return { sandboxId: plan.sandboxId, sandbox, podIps, handler };
  }
  refuseUnsupported(pod, complain);
  for (const problem of dnsProblems(pod, dns)) complain('DNSConfigForming', problem);
  let sandboxId: string;
  let handler: string;
  try {
    handler = await runtimeHandler(context, pod);
    sandboxId = await runSandbox(context, pod, sandbox, handler);
  } catch (error) {
    complain('FailedCreatePodSandBox', `Failed to create pod sandbox: ${(error as Error).message}`);
    throw error;
  }
  if (isHostNetwork(pod)) return { sandboxId, sandbox, podIps: [hostIp], handler };
  const { status } = await cri.podSandboxStatus(sandboxId);
  const podIps = [status?.network?.ip, ...(status?.network?.additionalIps ?? []).map(({ ip }) => ip)];
  return { sandboxId, sandbox, podIps: podIps.filter((ip): ip is string => Boolean(ip)), handler };
}
