// One of several programs leads, by a Lease that it renews (client-go tools/leaderelection). Observed times are those of
// the own clock that never jumps, so clocks of different machines need not agree, and may be set.
import { coordinationv1 as coordination, type coordinationv1, microTimeText } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { invariant } from '@tiphys/std';
import type { Client } from './client.ts';
import type { EventRecorder } from './events/recorder.ts';

export interface LeaderElectionOptions {
  client: Client;
  runtime: Runtime;
  namespace: string;
  name: string;
  /** Differs between the candidates. */
  identity: string;
  /** How long others wait after the last renewal they saw. */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  events?: EventRecorder;
  /** Called when this one leads; the signal aborts when it does not any more. */
  onStartedLeading(signal: AbortSignal): void;
  onStoppedLeading?(): void;
  /** Called when somebody leads who did not before, this one included. */
  onNewLeader?(identity: string): void;
}

export interface LeaderElection {
  isLeader(): boolean;
  /** Who leads, as far as is known; '' for nobody. */
  leader(): string;
  /** Gives the lease up, if it is held, so that another can lead at once. */
  stop(): Promise<void>;
}

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_PERIOD_MS = 2_000;
const JITTER_FACTOR = 1.2;

interface Observed {
  lease?: coordinationv1.Lease;
  /** On the clock that never jumps. */
  atMs: number;
}

class Election implements LeaderElection {
  readonly #options: Required<Omit<LeaderElectionOptions, 'events' | 'onStoppedLeading' | 'onNewLeader'>> & LeaderElectionOptions;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #observed: Observed = { atMs: 0 };

  constructor(options: LeaderElectionOptions) {
    this.#options = {
      ...options,
      leaseDurationMs: options.leaseDurationMs ?? LEASE_DURATION_MS,
      renewDeadlineMs: options.renewDeadlineMs ?? RENEW_DEADLINE_MS,
      retryPeriodMs: options.retryPeriodMs ?? RETRY_PERIOD_MS,
    };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    invariant(leaseDurationMs > renewDeadlineMs, 'leaseDuration must be greater than renewDeadline');
    invariant(renewDeadlineMs > JITTER_FACTOR * retryPeriodMs, 'renewDeadline must be greater than retryPeriod*JitterFactor');
    this.#done = this.#run();
  }

  leader(): string {
    return this.#observed.lease?.spec?.holderIdentity ?? '';
  }

  isLeader(): boolean {
    return this.leader() === this.#options.identity;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { runtime, retryPeriodMs, onStartedLeading, onStoppedLeading } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (!(await this.#acquireOrRenew())) {
        await runtime.clock.sleep(retryPeriodMs * (1 + JITTER_FACTOR * runtime.random.number()), signal).catch(() => undefined);
        continue;
      }
      this.#event('became leader');
      const leading = new AbortController();
      onStartedLeading(leading.signal);
      await this.#renew();
      leading.abort();
      this.#event('stopped leading');
      onStoppedLeading?.();
      if (signal.aborted) await this.#release();
    }
  }

  /** Resolves when the lease is lost or this one is stopped. */
  async #renew(): Promise<void> {
    const { runtime, retryPeriodMs, renewDeadlineMs } = this.#options;
    const { clock } = runtime;
    const { signal } = this.#stopping;
    let renewedMs = clock.monotonicMs();
    const leftMs = () => renewedMs + renewDeadlineMs - clock.monotonicMs();
    while (!signal.aborted && leftMs() > 0) {
      await clock.sleep(retryPeriodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      // Others count from when they see it, which may be long before the answer is here; and there may never be one.
      const askedMs = clock.monotonicMs();
      const over = new AbortController();
      const late = clock.sleep(Math.max(leftMs(), 0), AbortSignal.any([signal, over.signal])).catch(() => undefined);
      if (await Promise.race([this.#acquireOrRenew(), late.then(() => false)])) renewedMs = askedMs;
      over.abort();
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { client, runtime, namespace, name, identity, leaseDurationMs } = this.#options;
    const leases = client.of(coordination.leases);
    const { clock } = runtime;
    const nowMs = clock.monotonicMs();
    const now = microTimeText(clock.now());
    const spec = { holderIdentity: identity, leaseDurationSeconds: Math.floor(leaseDurationMs / 1000), renewTime: now };
    try {
      const lease = await leases.get(name, namespace).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (!lease) {
        const first = { ...spec, acquireTime: now, leaseTransitions: 0 };
        this.#observe(await leases.create({ metadata: { name, namespace }, spec: first }), clock.monotonicMs());
        return true;
      }
      if (lease.metadata?.resourceVersion !== this.#observed.lease?.metadata?.resourceVersion) this.#observe(lease, clock.monotonicMs());
      const holder = lease.spec?.holderIdentity ?? '';
      const validMs = this.#observed.atMs + (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
      if (holder !== '' && holder !== identity && validMs > nowMs) return false;
      const transitions = lease.spec?.leaseTransitions ?? 0;
      const acquired = holder === identity ? (lease.spec?.acquireTime ?? now) : now;
      const next = { ...spec, acquireTime: acquired, leaseTransitions: holder === identity ? transitions : transitions + 1 };
      this.#observe(await leases.update({ ...lease, spec: next }), clock.monotonicMs());
      return true;
    } catch (error) {
      runtime.log.debug('lease not acquired or renewed', { lease: `${namespace}/${name}`, error: String(error) });
      return false;
    }
  }

  #observe(lease: coordinationv1.Lease, atMs: number): void {
    const before = this.leader();
    this.#observed = { lease, atMs };
    const now = this.leader();
    if (now !== '' && now !== before) this.#options.onNewLeader?.(now);
  }

  async #release(): Promise<void> {
    const { lease } = this.#observed;
    if (!lease || !this.isLeader()) return;
    const now = microTimeText(this.#options.runtime.clock.now());
    const spec = {
      leaseTransitions: lease.spec?.leaseTransitions ?? 0,
      leaseDurationSeconds: 1,
      renewTime: now,
      acquireTime: now,
      holderIdentity: '',
    };
    try {
      await this.#options.client.of(coordination.leases).update({ ...lease, spec });
    } catch (error) {
      this.#options.runtime.log.debug('lease not released', { error: String(error) });
    }
  }

  #event(what: string): void {
    const { events, identity } = this.#options;
    const { lease } = this.#observed;
    if (lease)
      events?.event({ ...lease, kind: 'Lease', apiVersion: 'coordination.k8s.io/v1' }, 'Normal', 'LeaderElection', `${identity} ${what}`);
  }
}

export const leaderElection = (options: LeaderElectionOptions): LeaderElection => new Election(options);
