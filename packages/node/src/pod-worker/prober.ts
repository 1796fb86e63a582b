// Probes containers and keeps the results (pkg/kubelet/prober). One timer per probe; a result that changes wakes the pod's worker.
import type { corev1 } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import type { Clock } from '@tiphys/runtime';
import type { CriClient } from '../cri/client.ts';
import { type HandlerResult, runExec, runGrpc, runHttp, runTcp } from './handlers.ts';
import type { ProbeResult } from './plan.ts';
import { isSidecar } from './pod-runtime.ts';
import type { StatusProbes } from './pod-status.ts';
import { type ProbeHost, type ProbeKind, ProbeWorker, plainId } from './probe-worker.ts';

export interface ProberOptions {
  clock: Clock;
  cri: CriClient;
  /** The status reported last. */
  status: () => corev1.PodStatus | undefined;
  event: (container: string, type: EventType, reason: string, message: string) => void;
  /** A result changed. */
  onChange: () => void;
  /** Containers that ran before this process are taken as they were reported. */
  startedMs: number;
}

export interface Prober extends StatusProbes {
  /** Begins the probes of the containers; those that run already go on. */
  start(pod: corev1.Pod): void;
  /** Looks at once whether a container waits for its first result. */
  poke(): void;
  stopLiveness(): void;
  stop(): void;
}

async function runProbe(
  { clock, cri, status }: ProberOptions,
  probe: corev1.Probe,
  container: corev1.Container,
  containerId: string,
): Promise<HandlerResult> {
  const ip = status()?.podIP ?? '';
  const timeoutSeconds = probe.timeoutSeconds || 1;
  if (probe.exec) return runExec(cri, containerId, probe.exec, container, timeoutSeconds);
  if (probe.httpGet) return runHttp(probe.httpGet, container, ip, timeoutSeconds * 1000);
  if (probe.tcpSocket) return runTcp(probe.tcpSocket, container, ip, timeoutSeconds * 1000);
  if (probe.grpc) return runGrpc(probe.grpc, ip, timeoutSeconds * 1000, clock);
  throw new Error(`missing probe handler for ${container.name}`);
}

function containerStatus(status: corev1.PodStatus | undefined, name: string): corev1.ContainerStatus | undefined {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find((one) => one.name === name);
}

export function prober(options: ProberOptions): Prober {
  const results: Record<ProbeKind, Map<string, ProbeResult>> = { Liveness: new Map(), Readiness: new Map(), Startup: new Map() };
  const workers = new Map<string, ProbeWorker>();
  let pod: corev1.Pod;
  const host: ProbeHost = {
    clock: options.clock,
    event: options.event,
    statusOf: (name) => containerStatus(options.status(), name),
    isDeleting: () => Boolean(pod.metadata?.deletionTimestamp),
    run: (probe, container, containerId) => runProbe(options, probe, container, containerId),
    result: (kind, id) => results[kind].get(id),
    dropResult: (kind, id) => void results[kind].delete(id),
    setResult: (kind, id, result) => {
      if (results[kind].get(id) === result) return;
      results[kind].set(id, result);
      options.onChange();
    },
  };

  const seed = (kind: ProbeKind, container: corev1.Container) => {
    const status = containerStatus(pod.status, container.name);
    const startedAt = status?.state?.running?.startedAt;
    if (!status?.containerID || !startedAt || Date.parse(startedAt as string) >= options.startedMs) return;
    const good = kind === 'Startup' ? status.started : kind === 'Readiness' ? status.ready : true;
    if (good) results[kind].set(plainId(status.containerID), 'success');
  };
  const add = (kind: ProbeKind, container: corev1.Container, probe: corev1.Probe | undefined) => {
    const key = `${kind} ${container.name}`;
    if (!probe || workers.has(key)) return;
    seed(kind, container);
    workers.set(key, new ProbeWorker(host, kind, container, probe));
  };
  const dropAll = (unwanted: (worker: ProbeWorker) => boolean) => {
    for (const [key, worker] of workers) {
      if (!unwanted(worker)) continue;
      worker.stop();
      workers.delete(key);
    }
  };
  return {
    liveness: (id) => results.Liveness.get(id),
    readiness: (id) => results.Readiness.get(id),
    startup: (id) => results.Startup.get(id),
    start: (latest) => {
      pod = latest;
      for (const container of [...(pod.spec!.initContainers ?? []).filter(isSidecar), ...pod.spec!.containers]) {
        add('Startup', container, container.startupProbe);
        add('Readiness', container, container.readinessProbe);
        add('Liveness', container, container.livenessProbe);
      }
    },
    poke: () => {
      for (const worker of workers.values()) worker.poke();
    },
    stopLiveness: () => dropAll((worker) => worker.kind !== 'Readiness'),
    stop: () => dropAll(() => true),
  };
}
