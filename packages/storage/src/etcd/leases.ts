// Leases for records that end by themselves. Writes of about the same time share one, since leases cost etcd more than records
// (apiserver storage/etcd3/lease_manager.go; its numbers).
import type { Clock } from '@tiphys/runtime';
import type { EtcdClient } from './client.ts';

const REUSE_SECONDS_MAX = 60;
const REUSE_SHARE = 0.05;
const RECORDS_PER_LEASE_MAX = 1000;

interface Shared {
  id: Promise<bigint>;
  endMs: number;
  records: number;
}

export class Leases {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  /** By the time that the records live. */
  readonly #newest = new Map<number, Shared>();

  constructor(client: EtcdClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** A lease that ends not before the time, and not much later. */
  for(ttlSeconds: number): Promise<bigint> {
    const nowMs = this.#clock.monotonicMs();
    const spareSeconds = Math.min(Math.floor(ttlSeconds * REUSE_SHARE), REUSE_SECONDS_MAX);
    const shared = this.#newest.get(ttlSeconds);
    if (shared && shared.endMs >= nowMs + ttlSeconds * 1000 && shared.records < RECORDS_PER_LEASE_MAX) {
      shared.records++;
      return shared.id;
    }
    const seconds = ttlSeconds + spareSeconds;
    const id = this.#client.grantLease(seconds).then((answer) => answer.id ?? 0n);
    this.#newest.set(ttlSeconds, { id, endMs: nowMs + seconds * 1000, records: 1 });
    id.catch(() => this.forget());
    return id;
  }

  /** One of them is gone from etcd before its time. */
  forget(): void {
    this.#newest.clear();
  }
}
