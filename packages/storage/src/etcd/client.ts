// etcd's v3 API over several members (etcd client/v3): requests go to one of them until it fails, then to the next. What only
// reads is asked again; a write is asked again only when it was never sent.
import type { Clock } from '@tiphys/runtime';
import { invariant } from '@tiphys/std';
import { Connection, type Stream, type StreamHandlers, type TlsOptions } from './connection.ts';
import { endpointProblem } from './endpoint.ts';
import { Code, EtcdError, isCertificatesTrouble, isMembersTrouble, isTokensTrouble, OtherEtcdError } from './errors.ts';
import type * as etcd from './messages.ts';

export interface EtcdOptions extends TlsOptions {
  clock: Clock;
  /** Such as `https://10.0.0.1:2379`; one that is up is enough. */
  endpoints: readonly string[];
  username?: string;
  password?: string;
  /** Identity of the etcd cluster that state was found in before, in hexadecimal as etcdctl shows it; another one is refused. */
  clusterId?: string;
  /** How long a request is tried at all members together. Default 10 s. */
  patienceMs?: number;
}

/** For one try at one member. */
const CALL_TIMEOUT_MS = 5_000;
/** For all tries of a request together; an election among the members takes about two seconds. */
const PATIENCE_MS = 10_000;
/** Between tries once every member was asked. */
const RETRY_DELAY_MS = 100;
/** Compaction and defragmentation go over the whole file. */
const MAINTENANCE_TIMEOUT_MS = 120_000;

interface Answer {
  header?: etcd.Header;
}

export const identityText = (id: bigint | undefined): string => (id ?? 0n).toString(16);

export class EtcdClient {
  readonly #options: EtcdOptions;
  readonly #connections: readonly Connection[];
  readonly #closing = new AbortController();
  /** Those known to be members of the same etcd: nothing is written to one that is not. */
  readonly #verified = new Set<Connection>();
  #active = 0;
  #token: Promise<string> | undefined;
  #clusterId: string | undefined;

  constructor(options: EtcdOptions) {
    for (const endpoint of options.endpoints) invariant(!endpointProblem(endpoint), endpointProblem(endpoint)!);
    this.#options = options;
    this.#clusterId = options.clusterId;
    this.#connections = options.endpoints.map((endpoint) => new Connection(endpoint, options.clock, options));
  }

  /** Known once anything was answered. */
  get clusterId(): string | undefined {
    return this.#clusterId;
  }

  /** The member that is asked now. */
  get endpoint(): string {
    return this.#connection.endpoint;
  }

  get endpoints(): readonly string[] {
    return this.#options.endpoints;
  }

  range(request: etcd.RangeRequest): Promise<etcd.RangeResponse> {
    return this.#call('/etcdserverpb.KV/Range', 'Range', request, true);
  }

  /** Rejects with an EtcdError that says whether the outcome is uncertain. */
  txn(request: etcd.TxnRequest): Promise<etcd.TxnResponse> {
    return this.#call('/etcdserverpb.KV/Txn', 'Txn', request, false);
  }

  async compact(revision: number): Promise<void> {
    await this.#call('/etcdserverpb.KV/Compact', 'Compaction', { revision }, true);
  }

  grantLease(ttlSeconds: number): Promise<etcd.LeaseGrantResponse> {
    // One that was granted without our knowing ends by itself.
    return this.#call('/etcdserverpb.Lease/LeaseGrant', 'LeaseGrant', { ttl: ttlSeconds }, true);
  }

  async members(): Promise<readonly etcd.Member[]> {
    const { members } = await this.#call<Answer & { members?: etcd.Member[] }>('/etcdserverpb.Cluster/MemberList', 'MemberList', {}, true);
    return members ?? [];
  }

  /** Of the member that is asked now. */
  status(): Promise<etcd.StatusResponse> {
    return this.#call('/etcdserverpb.Maintenance/Status', 'Status', {}, true);
  }

  /** Gives the space of what was deleted and compacted back to the disk; the member answers nothing else meanwhile. */
  async defragment(): Promise<void> {
    await this.#call('/etcdserverpb.Maintenance/Defragment', 'Defragment', {}, false, MAINTENANCE_TIMEOUT_MS);
  }

  /** The member's whole file as etcdutl reads it, in pieces, with its checksum at the end. */
  async snapshot(onPiece: (piece: Uint8Array) => void): Promise<void> {
    const token = await this.#currentToken();
    await new Promise<void>((resolve, reject) => {
      const stream = this.#connection.stream<object, etcd.SnapshotResponse>('/etcdserverpb.Maintenance/Snapshot', 'Snapshot', token, {
        onMessage: ({ blob }) => blob && onPiece(blob),
        onEnd: (error) => (error ? reject(error) : resolve()),
      });
      stream.send({});
      stream.finish();
    });
  }

  async watch(handlers: StreamHandlers<etcd.WatchResponse>): Promise<Stream<etcd.WatchRequest>> {
    const connection = this.#connection;
    const token = await this.#currentToken();
    await this.#verify(connection, token);
    return connection.stream('/etcdserverpb.Watch/Watch', 'Watch', token, {
      ...handlers,
      onEnd: (error) => {
        if (isTokensTrouble(error)) this.#token = undefined;
        handlers.onEnd(error);
      },
    });
  }

  /** Leaves a member that failed to answer, unless that was done already. */
  leave(endpoint: string): void {
    if (this.endpoint === endpoint) this.#active = (this.#active + 1) % this.#connections.length;
  }

  /** Throws OtherEtcdError when an answer comes from an etcd that this client does not belong to. */
  #check(header: etcd.Header | undefined, endpoint: string): void {
    if (!header) return;
    const found = identityText(header.clusterId);
    this.#clusterId ??= found;
    if (found === this.#clusterId) return;
    throw new OtherEtcdError(
      `the etcd at ${endpoint} is cluster ${found}, and this cluster's state is in etcd cluster ${this.#clusterId}; nothing was changed`,
    );
  }

  close(): void {
    this.#closing.abort(new EtcdError(Code.CANCELLED, 'the client is closed', this.endpoint));
    for (const connection of this.#connections) connection.close();
  }

  get #connection(): Connection {
    return this.#connections[this.#active]!;
  }

  async #call<T extends Answer>(
    method: string,
    name: string,
    request: object,
    repeatable: boolean,
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<T> {
    const { clock, patienceMs = PATIENCE_MS } = this.#options;
    const endMs = clock.monotonicMs() + patienceMs;
    for (let tries = 1; ; tries++) {
      const connection = this.#connection;
      try {
        const token = await this.#currentToken();
        await this.#verify(connection, token);
        const answer = await connection.call<T>(method, name, request, token, timeoutMs);
        this.#check(answer.header, connection.endpoint);
        return answer;
      } catch (error) {
        if (error instanceof OtherEtcdError && tries < this.#connections.length) {
          this.leave(connection.endpoint);
          continue;
        }
        if (!(error instanceof EtcdError) || this.#closing.signal.aborted || clock.monotonicMs() > endMs) throw error;
        if (isTokensTrouble(error) && this.#options.username !== undefined) {
          this.#token = undefined;
          if (tries > this.#connections.length) throw error;
          continue;
        }
        if (!isMembersTrouble(error)) throw error;
        this.leave(connection.endpoint);
        if (!repeatable && error.uncertain) throw error;
        if (isCertificatesTrouble(error) && tries >= this.#connections.length) throw error;
      }
      if (tries % this.#connections.length === 0) await clock.sleep(RETRY_DELAY_MS, this.#closing.signal);
    }
  }

  /** Asks a member whose it is before anything else is asked of it. */
  async #verify(connection: Connection, token: string | undefined): Promise<void> {
    if (this.#verified.has(connection)) return;
    // Every user may ask this, whatever keys are open to them.
    const method = '/etcdserverpb.Maintenance/Status';
    const { header } = await connection.call<Answer>(method, 'Status', {}, token, CALL_TIMEOUT_MS);
    this.#check(header, connection.endpoint);
    this.#verified.add(connection);
  }

  #currentToken(): Promise<string> | undefined {
    const { username: name, password = '' } = this.#options;
    if (name === undefined) return undefined;
    if (!this.#token) {
      const method = '/etcdserverpb.Auth/Authenticate';
      const asked = this.#connection.call<{ token?: string }>(method, 'Authenticate', { name, password }, undefined, CALL_TIMEOUT_MS);
      const token = asked.then((answer) => answer.token ?? '');
      this.#token = token;
      token.catch(() => {
        if (this.#token === token) this.#token = undefined;
      });
    }
    return this.#token;
  }
}
