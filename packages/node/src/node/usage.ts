// What node, pods and containers use at this moment, from the container runtime and the kernel (pkg/kubelet/stats, with CRI's numbers).
import { readFile, statfs } from 'node:fs/promises';
import { type corev1, timeText } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import type { CriClient } from '../cri/client.ts';
import { ContainerState, type ContainerStats } from '../cri/generated/cri.ts';
import { LABELS } from '../pod-worker/pod-runtime.ts';
import type { NodeUsage, PodUsage, Usage } from '../streams/host.ts';
import { parseMemoryInfo } from './machine.ts';

export interface UsageOptions {
  cri: CriClient;
  clock: Clock;
  /** On the disk that pods use. */
  directory: string;
  pod(namespace: string, name: string): corev1.Pod | undefined;
}

const NANOSECONDS_PER_MS = 1e6;
/** The kernel counts a processor's time in hundredths of a second. */
const TICK_NANOSECONDS = 1e7;
/** In /proc/stat: user, nice, system, irq, softirq, steal. What is idle or waits for a disk is not used. */
const BUSY_COLUMNS = [0, 1, 2, 5, 6, 7];

/** Pure: of /proc/stat and /proc/meminfo. */
export function nodeUsageOf(stat: string, meminfo: string, timeMs: number): NodeUsage['node'] & { bootMs: number } {
  const columns = (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '').split(/\s+/).map(Number);
  const { totalBytes, freeBytes, inactiveFileBytes, anonymousBytes } = parseMemoryInfo(meminfo);
  const used = totalBytes - freeBytes;
  return {
    timeMs,
    cpuCoreNanoSeconds: BUSY_COLUMNS.reduce((total, column) => total + (columns[column] ?? 0), 0) * TICK_NANOSECONDS,
    memoryUsageBytes: used,
    memoryWorkingSetBytes: used - inactiveFileBytes,
    memoryRssBytes: anonymousBytes,
    memoryAvailableBytes: freeBytes + inactiveFileBytes,
    bootMs: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
  };
}

function usageOf({ cpu, memory }: ContainerStats, nowMs: number): Usage {
  const timeMs = cpu?.timestamp ? Math.round(cpu.timestamp / NANOSECONDS_PER_MS) : nowMs;
  const nanoCores = cpu?.usageNanoCores?.value;
  const [used, rss] = [memory?.usageBytes?.value, memory?.rssBytes?.value];
  return {
    timeMs,
    ...(nanoCores === undefined ? {} : { cpuNanoCores: nanoCores }),
    cpuCoreNanoSeconds: cpu?.usageCoreNanoSeconds?.value ?? 0,
    memoryWorkingSetBytes: memory?.workingSetBytes?.value ?? 0,
    ...(used === undefined ? {} : { memoryUsageBytes: used }),
    ...(rss === undefined ? {} : { memoryRssBytes: rss }),
  };
}

function summed(usages: readonly Usage[], nowMs: number): Usage {
  const total = (of: (usage: Usage) => number | undefined) => usages.reduce((sum, usage) => sum + (of(usage) ?? 0), 0);
  return {
    timeMs: Math.min(nowMs, ...usages.map(({ timeMs }) => timeMs)),
    ...(usages.every(({ cpuNanoCores }) => cpuNanoCores !== undefined) ? { cpuNanoCores: total((usage) => usage.cpuNanoCores) } : {}),
    cpuCoreNanoSeconds: total((usage) => usage.cpuCoreNanoSeconds),
    memoryWorkingSetBytes: total((usage) => usage.memoryWorkingSetBytes),
    memoryUsageBytes: total((usage) => usage.memoryUsageBytes),
    memoryRssBytes: total((usage) => usage.memoryRssBytes),
  };
}

const startOf = (value: string | undefined) => (value === undefined ? {} : { startTime: value });

/** Pure: of what the runtime says about the containers that run. */
export function podUsages(
  stats: readonly ContainerStats[],
  pod: (namespace: string, name: string) => corev1.Pod | undefined,
  nowMs: number,
): PodUsage[] {
  const pods = new Map<string, PodUsage>();
  for (const each of stats) {
    const labels = each.attributes?.labels ?? {};
    const [uid, namespace, name] = [LABELS.podUid, LABELS.podNamespace, LABELS.podName].map((label) => labels[label] ?? '');
    const known = pod(namespace!, name!)?.status;
    const one = pods.get(uid!) ?? { uid: uid!, namespace: namespace!, name: name!, ...startOf(known?.startTime as string), containers: [] };
    const container = labels[LABELS.containerName] ?? '';
    const statuses = [...(known?.containerStatuses ?? []), ...(known?.initContainerStatuses ?? [])];
    const started = statuses.find((status) => status.name === container)?.state?.running?.startedAt as string | undefined;
    one.containers.push({ name: container, ...startOf(started), usage: usageOf(each, nowMs) });
    pods.set(uid!, one);
  }
  return [...pods.values()].map((one) => ({
    ...one,
    usage: summed(
      one.containers.map(({ usage }) => usage),
      nowMs,
    ),
  }));
}

/** Rates are between two looks: the first one has none of the node. */
export function usageMeter({ cri, clock, directory, pod }: UsageOptions): () => Promise<NodeUsage> {
  let before: Usage | undefined;
  return async () => {
    const [stat, meminfo, disk, stats, running] = await Promise.all([
      readFile('/proc/stat', 'utf8'),
      readFile('/proc/meminfo', 'utf8'),
      statfs(directory),
      cri.listContainerStats(),
      cri.listContainers({ state: { state: ContainerState.CONTAINER_RUNNING } }),
    ]);
    const nowMs = clock.now();
    // The runtime also tells of runs that have ended.
    const ids = new Set(running.map(({ id }) => id));
    const live = stats.filter(({ attributes }) => ids.has(attributes?.id));
    const { bootMs, ...node } = nodeUsageOf(stat, meminfo, nowMs);
    const passedMs = before ? nowMs - before.timeMs : 0;
    const rate = passedMs > 0 ? { cpuNanoCores: ((node.cpuCoreNanoSeconds - before!.cpuCoreNanoSeconds) * 1000) / passedMs } : {};
    before = node;
    return {
      node: { ...node, ...rate },
      startTime: timeText(bootMs),
      pods: podUsages(live, pod, nowMs),
      filesystem: {
        capacityBytes: disk.blocks * disk.bsize,
        availableBytes: disk.bavail * disk.bsize,
        usedBytes: (disk.blocks - disk.bfree) * disk.bsize,
        ...(disk.files > 0 ? { inodes: disk.files, inodesFree: disk.ffree } : {}),
      },
    };
  };
}
