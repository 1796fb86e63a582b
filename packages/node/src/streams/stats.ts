// /stats/summary, /metrics/resource and /metrics from the node's measurements (pkg/kubelet/server/stats, collectors/resource_metrics.go).
import type { NodeUsage, Usage } from './host.ts';

const iso = (ms: number) => new Date(ms).toISOString();

function cpu(usage: Usage): object {
  return {
    time: iso(usage.timeMs),
    ...(usage.cpuNanoCores === undefined ? {} : { usageNanoCores: Math.round(usage.cpuNanoCores) }),
    usageCoreNanoSeconds: Math.round(usage.cpuCoreNanoSeconds),
  };
}

function memory(usage: Usage & { memoryAvailableBytes?: number }): object {
  return {
    time: iso(usage.timeMs),
    ...(usage.memoryAvailableBytes === undefined ? {} : { availableBytes: usage.memoryAvailableBytes }),
    usageBytes: usage.memoryUsageBytes ?? usage.memoryWorkingSetBytes,
    workingSetBytes: usage.memoryWorkingSetBytes,
    ...(usage.memoryRssBytes === undefined ? {} : { rssBytes: usage.memoryRssBytes }),
  };
}

/** stats.k8s.io v1alpha1 Summary. */
export function summary(nodeName: string, found: NodeUsage): object {
  const filesystem = found.filesystem && {
    time: iso(found.node.timeMs),
    availableBytes: found.filesystem.availableBytes,
    capacityBytes: found.filesystem.capacityBytes,
    usedBytes: found.filesystem.usedBytes,
    ...(found.filesystem.inodes === undefined ? {} : { inodes: found.filesystem.inodes }),
    ...(found.filesystem.inodesFree === undefined ? {} : { inodesFree: found.filesystem.inodesFree }),
  };
  return {
    node: {
      nodeName,
      startTime: found.startTime ?? null,
      cpu: cpu(found.node),
      memory: memory(found.node),
      ...(filesystem ? { fs: filesystem, runtime: { imageFs: filesystem } } : {}),
    },
    pods: found.pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      startTime: pod.startTime ?? null,
      containers: pod.containers.map((container) => ({
        name: container.name,
        startTime: container.startTime ?? null,
        cpu: cpu(container.usage),
        memory: memory(container.usage),
        ...(container.logsUsedBytes === undefined
          ? {}
          : { logs: { time: iso(container.usage.timeMs), usedBytes: container.logsUsedBytes } }),
      })),
      ...(pod.usage ? { cpu: cpu(pod.usage), memory: memory(pod.usage) } : {}),
    })),
  };
}

type Sample = [labels: Record<string, string>, value: number, timeMs?: number];

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** One metric in the Prometheus text format. */
export function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value, timeMs]) => {
    const text = Object.entries(labels).map(([label, content]) => `${label}="${escaped(content)}"`);
    return `${name}${text.length > 0 ? `{${text.join(',')}}` : ''} ${value}${timeMs === undefined ? '' : ` ${Math.round(timeMs)}`}`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** What metrics-server and the autoscaler read. */
export function resourceMetrics(found: NodeUsage): string {
  const containers = found.pods.flatMap((pod) =>
    pod.containers.map((container) => ({ labels: { container: container.name, namespace: pod.namespace, pod: pod.name }, ...container })),
  );
  const pods = found.pods.flatMap((pod) => (pod.usage ? [{ labels: { namespace: pod.namespace, pod: pod.name }, usage: pod.usage }] : []));
  const cpuOf = (usage: Usage) => usage.cpuCoreNanoSeconds / 1e9;
  return [
    metric(
      'container_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      containers.map(({ labels, usage }) => [labels, cpuOf(usage), usage.timeMs]),
    ),
    metric(
      'container_memory_working_set_bytes',
      'gauge',
      '[STABLE] Current working set of the container in bytes',
      containers.map(({ labels, usage }) => [labels, usage.memoryWorkingSetBytes, usage.timeMs]),
    ),
    metric(
      'container_start_time_seconds',
      'gauge',
      '[STABLE] Start time of the container since unix epoch in seconds',
      containers.flatMap(({ labels, startTime }): Sample[] => (startTime ? [[labels, Date.parse(startTime) / 1000]] : [])),
    ),
    metric('node_cpu_usage_seconds_total', 'counter', '[STABLE] Cumulative cpu time consumed by the node in core-seconds', [
      [{}, cpuOf(found.node), found.node.timeMs],
    ]),
    metric('node_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the node in bytes', [
      [{}, found.node.memoryWorkingSetBytes, found.node.timeMs],
    ]),
    metric(
      'pod_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      pods.map(({ labels, usage }) => [labels, cpuOf(usage), usage.timeMs]),
    ),
    metric(
      'pod_memory_working_set_bytes',
      'gauge',
      '[STABLE] Current working set of the pod in bytes',
      pods.map(({ labels, usage }) => [labels, usage.memoryWorkingSetBytes, usage.timeMs]),
    ),
    metric('resource_scrape_error', 'gauge', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', [[{}, 0]]),
  ].join('');
}
