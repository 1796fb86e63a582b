// Probes containers and keeps the results (pkg/kubelet/prober). One timer per probe; a result that changes wakes the pod's worker.
import type { corev1 } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import type { Clock, Timer } from '@tiphys/runtime';
import type { CriClient } from '../cri/client.ts';
import { type HandlerResult, runExec, runGrpc, runHttp, runTcp } from './handlers.ts';
import type { ProbeResult } from './plan.ts';
import { isSidecar } from './pod-runtime.ts';
import type { StatusProbes } from './pod-status.ts';

export type ProbeKind = 'Liveness' | 'Readiness' | 'Startup';

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

interface Worker {
  kind: ProbeKind;
  container: corev1.Container;
  probe: corev1.Probe;
  containerId: string;
  last: ProbeResult | undefined;
  run: number;
  onHold: boolean;
  busy: boolean;
  timer: Timer | undefined;
}

const ATTEMPTS_MAX = 3;
const initial: Record<ProbeKind, ProbeResult> = { Liveness: 'success', Readiness: 'failure', Startup: 'unknown' };

export function prober(options: ProberOptions): Prober {
  const { clock, cri, event, onChange } = options;
  const results: Record<ProbeKind, Map<string, ProbeResult>> = { Liveness: new Map(), Readiness: new Map(), Startup: new Map() };
  const workers = new Map<string, Worker>();
  let pod: corev1.Pod;
  let stopped = false;

  const set = (kind: ProbeKind, id: string, result: ProbeResult) => {
    if (results[kind].get(id) === result) return;
    results[kind].set(id, result);
    onChange();
  };
  const statusOf = (name: string) => {
    const status = options.status();
    return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find((one) => one.name === name);
  };
  const handler = async (worker: Worker): Promise<HandlerResult> => {
    const { probe, container } = worker;
    const ip = options.status()?.podIP ?? '';
    const timeoutSeconds = probe.timeoutSeconds || 1;
    if (probe.exec) return runExec(cri, worker.containerId, probe.exec, container, timeoutSeconds);
    if (probe.httpGet) return runHttp(probe.httpGet, container, ip, timeoutSeconds * 1000);
    if (probe.tcpSocket) return runTcp(probe.tcpSocket, container, ip, timeoutSeconds * 1000);
    if (probe.grpc) return runGrpc(probe.grpc, ip, timeoutSeconds * 1000);
    throw new Error(`missing probe handler for ${container.name}`);
  };
  /** Undefined when the probe itself could not be made. */
  const probeOnce = async (worker: Worker): Promise<ProbeResult | undefined> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const { outcome, output } = await handler(worker);
        if (outcome === 'warning') event(worker.container.name, 'Warning', 'ProbeWarning', `${worker.kind} probe warning: ${output}`);
        if (outcome === 'failure') event(worker.container.name, 'Warning', 'Unhealthy', `${worker.kind} probe failed: ${output}`);
        return outcome === 'success' || outcome === 'warning' ? 'success' : 'failure';
      } catch (error) {
        if (attempt < ATTEMPTS_MAX) continue;
        const message = `${worker.kind} probe errored and resulted in unknown state: ${(error as Error).message}`;
        event(worker.container.name, 'Warning', 'Unhealthy', message);
        return undefined;
      }
    }
  };
  const adopt = (worker: Worker, status: corev1.ContainerStatus) => {
    const id = status.containerID!.slice('containerd://'.length);
    if (worker.containerId === id) return;
    if (worker.containerId) results[worker.kind].delete(worker.containerId);
    worker.containerId = id;
    worker.onHold = false;
    worker.run = 0;
    worker.last = undefined;
    if (!results[worker.kind].has(id)) set(worker.kind, id, initial[worker.kind]);
  };
  const judge = (worker: Worker, result: ProbeResult) => {
    worker.run = worker.last === result ? worker.run + 1 : 1;
    worker.last = result;
    const threshold = result === 'failure' ? (worker.probe.failureThreshold ?? 3) : (worker.probe.successThreshold ?? 1);
    if (worker.run < threshold) return;
    // A liveness failure or any verdict of a startup probe holds until there is a new container.
    if ((worker.kind === 'Liveness' && result === 'failure') || worker.kind === 'Startup') {
      worker.onHold = true;
      worker.run = 0;
    }
    set(worker.kind, worker.containerId, result);
  };
  const tick = async (worker: Worker): Promise<void> => {
    const status = statusOf(worker.container.name);
    if (!status?.containerID) return;
    adopt(worker, status);
    if (worker.onHold) return;
    const startedAt = status.state?.running?.startedAt;
    if (!startedAt) return set(worker.kind, worker.containerId, 'failure');
    if (pod.metadata?.deletionTimestamp && worker.kind !== 'Readiness') return set(worker.kind, worker.containerId, 'success');
    const ranSeconds = Math.floor((clock.now() - Date.parse(startedAt as string)) / 1000);
    if (ranSeconds < (worker.probe.initialDelaySeconds ?? 0)) return;
    if (Boolean(status.started) === (worker.kind === 'Startup')) return;
    const id = worker.containerId;
    const result = await probeOnce(worker);
    if (result && id === worker.containerId && !stopped) judge(worker, result);
  };
  const schedule = (worker: Worker, delayMs: number) => {
    worker.timer?.cancel();
    worker.timer = clock.after(delayMs, () => {
      schedule(worker, (worker.probe.periodSeconds || 10) * 1000);
      runNow(worker);
    });
  };
  const runNow = (worker: Worker) => {
    if (worker.busy || stopped) return;
    worker.busy = true;
    void tick(worker)
      .catch(() => {})
      .finally(() => {
        worker.busy = false;
      });
  };
  const seed = (kind: ProbeKind, container: corev1.Container) => {
    const status = (pod.status?.containerStatuses ?? [])
      .concat(pod.status?.initContainerStatuses ?? [])
      .find(({ name }) => name === container.name);
    const startedAt = status?.state?.running?.startedAt;
    if (!status?.containerID || !startedAt || Date.parse(startedAt as string) >= options.startedMs) return;
    const good = kind === 'Startup' ? status.started : kind === 'Readiness' ? status.ready : true;
    if (good) results[kind].set(status.containerID.slice('containerd://'.length), 'success');
  };
  const add = (kind: ProbeKind, container: corev1.Container, probe: corev1.Probe | undefined) => {
    const key = `${kind} ${container.name}`;
    if (!probe || workers.has(key)) return;
    seed(kind, container);
    const worker: Worker = {
      kind,
      container,
      probe,
      containerId: '',
      last: undefined,
      run: 0,
      onHold: false,
      busy: false,
      timer: undefined,
    };
    workers.set(key, worker);
    schedule(worker, (probe.periodSeconds || 10) * 1000);
  };
  const drop = (worker: Worker, key: string) => {
    worker.timer?.cancel();
    workers.delete(key);
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
      for (const worker of workers.values()) {
        const status = statusOf(worker.container.name);
        if (!status?.state?.running || worker.onHold) continue;
        const fresh = worker.containerId !== status.containerID?.slice('containerd://'.length);
        const unready = worker.kind === 'Readiness' && status.started && !status.ready && worker.last === undefined;
        if (!fresh && !unready) continue;
        schedule(worker, (worker.probe.periodSeconds || 10) * 1000);
        runNow(worker);
      }
    },
    stopLiveness: () => {
      for (const [key, worker] of workers) if (worker.kind !== 'Readiness') drop(worker, key);
    },
    stop: () => {
      stopped = true;
      for (const [key, worker] of workers) drop(worker, key);
    },
  };
}
