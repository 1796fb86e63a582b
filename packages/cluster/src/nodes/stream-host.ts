// What the node's HTTPS server asks, answered by the node and its container runtime.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Node, StreamHost } from '@tiphys/node';
import { Retryable } from '@tiphys/std';

const STOP_SECONDS_MAX = 30;

const containerStatuses = (pod: corev1.Pod) => [
  ...(pod.status?.containerStatuses ?? []),
  ...(pod.status?.initContainerStatuses ?? []),
  ...(pod.status?.ephemeralContainerStatuses ?? []),
];
const bareId = (id: string | undefined) => id?.replace(/^[a-z]+:\/\//, '');

/**
 * `client` is the node's own; its pods come from the same informer that the node follows. The server listens before the node is
 * there, because the node tells everyone its port: `started` answers undefined until then.
 */
export function streamHost(started: () => Node | undefined, nodeName: string, client: Client): StreamHost {
  const running = (): Node => {
    const node = started();
    if (!node) throw new Retryable('the node is starting');
    return node;
  };
  const cri = () => running().containerd.cri;
  const informer = client.informer(corev1.pods, { fieldSelector: `spec.nodeName=${nodeName}` });
  const find = async (pod: corev1.Pod, container: string, id: string) => {
    const { namespace, name } = pod.metadata!;
    for (const previous of [false, true]) {
      const found = await running().findContainer(namespace!, name!, container, previous);
      if (found?.id === id) return found;
    }
    return undefined;
  };
  return {
    pods: () => informer.list().map((pod) => started()?.pod(pod.metadata!.namespace!, pod.metadata!.name!) ?? pod),
    pod: (namespace, name) => started()?.pod(namespace, name) ?? informer.get(name, namespace),
    containerId: (pod, container) =>
      bareId(containerStatuses(pod).find((status) => status.name === container && status.state?.running)?.containerID),
    sandboxId: (pod) => running().findSandbox(pod.metadata!.namespace!, pod.metadata!.name!),
    logPath: async (pod, container, id) => (await find(pod, container, id))?.logPath,
    isContainerRunning: async (id) => (await cri().containerStatus(id)).status?.state === 1,
    exec: (containerId, command, target) => cri().exec({ containerId, cmd: [...command], ...target }),
    attach: (containerId, target) => cri().attach({ containerId, ...target }),
    portForward: (podSandboxId, port) => cri().portForward({ podSandboxId, port: [...port] }),
    usage: () => running().usage(),
    execSync: async (containerId, command) => {
      const {
        stdout = new Uint8Array(),
        stderr = new Uint8Array(),
        exitCode = 0,
      } = await cri().execSync(containerId, command, STOP_SECONDS_MAX);
      return { stdout, stderr, exitCode };
    },
  };
}
