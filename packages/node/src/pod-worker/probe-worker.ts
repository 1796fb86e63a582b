// One probe of one container: when it runs and what its results come to (pkg/kubelet/prober/worker.go).
import type { corev1 } from '@tiphys/api';
import type { EventType } from '@tiphys/client';
import type { Clock, Timer } from '@tiphys/runtime';
import type { HandlerResult } from './handlers.ts';
import type { ProbeResult } from './plan.ts';

export type ProbeKind = 'Liveness' | 'Readiness' | 'Startup';

/** What the probes of a pod share. */
export interface ProbeHost {
  clock: Clock;
  /** The status reported last. */
  statusOf(container: string): corev1.ContainerStatus | undefined;
  isDeleting(): boolean;
  event: (container: string, type: EventType, reason: string, message: string) => void;
  run(probe: corev1.Probe, container: corev1.Container, containerId: string): Promise<HandlerResult>;
  result(kind: ProbeKind, containerId: string): ProbeResult | undefined;
  setResult(kind: ProbeKind, containerId: string, result: ProbeResult): void;
  dropResult(kind: ProbeKind, containerId: string): void;
}

const ATTEMPTS_MAX = 3;
const INITIAL: Record<ProbeKind, ProbeResult> = { Liveness: 'success', Readiness: 'failure', Startup: 'unknown' };

export const plainId = (containerId: string): string => containerId.slice('containerd://'.length);

export class ProbeWorker {
  readonly kind: ProbeKind;
  readonly #container: corev1.Container;
  readonly #probe: corev1.Probe;
  readonly #host: ProbeHost;
  #containerId = '';
  #last: ProbeResult | undefined;
  /** How often in a row the last result came. */
  #run = 0;
  #onHold = false;
  #busy = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(host: ProbeHost, kind: ProbeKind, container: corev1.Container, probe: corev1.Probe) {
    this.#host = host;
    this.kind = kind;
    this.#container = container;
    this.#probe = probe;
    this.#schedule();
  }

  /** Looks at once when the container waits for its first result. */
  poke(): void {
    const status = this.#host.statusOf(this.#container.name);
    if (!status?.state?.running || this.#onHold) return;
    const fresh = this.#containerId !== plainId(status.containerID ?? '');
    const unready = this.kind === 'Readiness' && status.started && !status.ready && this.#last === undefined;
    if (!fresh && !unready) return;
    this.#schedule();
    this.#runNow();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.after((this.#probe.periodSeconds || 10) * 1000, () => {
      this.#schedule();
      this.#runNow();
    });
  }

  #runNow(): void {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    void this.#tick()
      .catch(() => {})
      .finally(() => {
        this.#busy = false;
      });
  }

  async #tick(): Promise<void> {
    const status = this.#host.statusOf(this.#container.name);
    if (!status?.containerID) return;
    this.#adopt(plainId(status.containerID));
    if (this.#onHold) return;
    const startedAt = status.state?.running?.startedAt;
    if (!startedAt) return this.#set('failure');
    if (this.#host.isDeleting() && this.kind !== 'Readiness') return this.#set('success');
    const ranSeconds = Math.floor((this.#host.clock.now() - Date.parse(startedAt as string)) / 1000);
    if (ranSeconds < (this.#probe.initialDelaySeconds ?? 0)) return;
    if (Boolean(status.started) === (this.kind === 'Startup')) return;
    const id = this.#containerId;
    const result = await this.#probeOnce();
    if (result && id === this.#containerId && !this.#stopped) this.#judge(result);
  }

  #set(result: ProbeResult): void {
    this.#host.setResult(this.kind, this.#containerId, result);
  }

  /** A new container begins anew. */
  #adopt(id: string): void {
    if (this.#containerId === id) return;
    if (this.#containerId) this.#host.dropResult(this.kind, this.#containerId);
    this.#containerId = id;
    this.#onHold = false;
    this.#run = 0;
    this.#last = undefined;
    if (!this.#host.result(this.kind, id)) this.#set(INITIAL[this.kind]);
  }

  /** Undefined when the probe itself could not be made. */
  async #probeOnce(): Promise<ProbeResult | undefined> {
    const warn = (reason: string, message: string) => this.#host.event(this.#container.name, 'Warning', reason, message);
    for (let attempt = 1; ; attempt++) {
      try {
        const { outcome, output } = await this.#host.run(this.#probe, this.#container, this.#containerId);
        if (outcome === 'warning') warn('ProbeWarning', `${this.kind} probe warning: ${output}`);
        if (outcome === 'failure') warn('Unhealthy', `${this.kind} probe failed: ${output}`);
        return outcome === 'success' || outcome === 'warning' ? 'success' : 'failure';
      } catch (error) {
        if (attempt < ATTEMPTS_MAX) continue;
        warn('Unhealthy', `${this.kind} probe errored and resulted in unknown state: ${(error as Error).message}`);
        return undefined;
      }
    }
  }

  #judge(result: ProbeResult): void {
    this.#run = this.#last === result ? this.#run + 1 : 1;
    this.#last = result;
    const threshold = result === 'failure' ? (this.#probe.failureThreshold ?? 3) : (this.#probe.successThreshold ?? 1);
    if (this.#run < threshold) return;
    // A liveness failure or any verdict of a startup probe holds until there is a new container.
    if ((this.kind === 'Liveness' && result === 'failure') || this.kind === 'Startup') {
      this.#onHold = true;
      this.#run = 0;
    }
    this.#set(result);
  }
}
