// What the stream server needs of the node: its pods as they are now, and the container runtime's doors.
import type { corev1 } from '@tiphys/api';

export type Pod = corev1.Pod;

export interface StreamTarget {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** CPU and memory of a container or a pod at one moment. */
export interface Usage {
  timeMs: number;
  cpuNanoCores?: number;
  cpuCoreNanoSeconds: number;
  memoryWorkingSetBytes: number;
  memoryUsageBytes?: number;
  memoryRssBytes?: number;
}

export interface PodUsage {
  namespace: string;
  name: string;
  uid: string;
  startTime?: string;
  usage?: Usage;
  containers: { name: string; startTime?: string; usage: Usage; logsUsedBytes?: number }[];
}

export interface NodeUsage {
  node: Usage & { memoryAvailableBytes?: number };
  startTime?: string;
  pods: PodUsage[];
  filesystem?: { availableBytes: number; capacityBytes: number; usedBytes: number; inodes?: number; inodesFree?: number };
}

export interface StreamHost {
  /** Every pod of this node, with the status the node knows now, which may be newer than the API server's. */
  pods(): readonly Pod[];
  pod(namespace: string, name: string): Pod | undefined;
  /** The running container's id in the runtime, without `containerd://`. */
  containerId(pod: Pod, container: string): string | undefined;
  /** The pod's ready sandbox. */
  sandboxId(pod: Pod): string | undefined | Promise<string | undefined>;
  /** The log file of one container instance, or undefined when the runtime doesn't know it (any more). */
  logPath(pod: Pod, container: string, containerId: string): string | undefined | Promise<string | undefined>;
  isContainerRunning(containerId: string): boolean | Promise<boolean>;
  /** These answer the URL at which the runtime serves the stream (CRI Exec, Attach, PortForward). */
  exec(containerId: string, command: readonly string[], target: StreamTarget): Promise<string>;
  attach(containerId: string, target: StreamTarget): Promise<string>;
  portForward(sandboxId: string, ports: readonly number[]): Promise<string>;
  /** Runs to the end and gives what was printed; for /run. */
  execSync?(containerId: string, command: readonly string[]): Promise<{ stdout: Uint8Array; stderr: Uint8Array; exitCode: number }>;
  usage?(): Promise<NodeUsage>;
  /** What is ill, for /healthz; empty when all is well. */
  health?(): readonly string[];
  /** More text for /metrics, in the Prometheus exposition format. */
  metrics?(): string;
  /** The kubelet's configuration for /configz. */
  configuration?(): object;
}
