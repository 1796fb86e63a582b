// A whole cluster in this process on a virtual clock: API server, controllers, scheduler and simulated nodes, each of which can be
// stopped and started again. No sockets, no threads, no timers but the clock's, so that a seed says everything.
import { generateKeyPairSync } from 'node:crypto';
import { type Client, inProcessClient, userInfo } from '@tiphys/client';
import { type ApiHandler, type ApiRequest, type ApiResponse, statusError } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { type Logger, type Runtime, seededRandom, silentLogger, type VirtualClock, virtualClock } from '@tiphys/runtime';
import { type AdmissionPlugin, createStandardServer, createTokenSigner, LOOPBACK_USER, type StandardServer } from '@tiphys/server';
import { Retryable } from '@tiphys/std';
import { memoryStore, type Store } from '@tiphys/storage';
import { Broken } from './broken.ts';
import { Faults, type PartName } from './faults.ts';
import { faultyHandler } from './faulty-handler.ts';
import { type Program, STOPPABLE_PARTS, type StoppablePart, startProgram } from './parts.ts';

const SERVICE_CIDR = '10.96.0.0/12';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** What even a cluster that starts does not need at one instant: beyond that something is busy without end. */
const TIMERS_AT_ONCE_MAX = 10_000;
const TIMERS_AT_ONCE_PER_NODE_MAX = 1000;
/** The same for requests: a loop of them waits for no timer. */
export const REQUESTS_AT_ONCE_MAX = 20_000;
/** Tokens are no part of the simulation's outcome; one key does for all clusters of the process. */
let signingKeyPem: string | undefined;

function signer() {
  signingKeyPem ??= generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return createTokenSigner({ privateKeyPem: signingKeyPem, issuer: ISSUER });
}

export interface VirtualClusterOptions {
  seed: number;
  nodes: number;
  /** How many controller managers and schedulers there are; of several, one works and the others wait for its lease. Default 1. */
  candidates?: number;
  log?: Logger;
}

export class VirtualCluster {
  readonly clock: VirtualClock;
  readonly faults: Faults;
  readonly store: Store = memoryStore();
  /** Told of every request with the server's answer. */
  observe: ((request: ApiRequest, answer: ApiResponse) => void) | undefined;
  /** Set once more was asked at one instant than anybody needs; nothing is answered from then on. */
  busy: Error | undefined;
  /** How many requests have come at which instant. */
  #asked = { atMs: 0, count: 0 };
  readonly #runtime: Runtime;
  readonly #nodes: number;
  readonly #candidates: number;
  #server: StandardServer | undefined;
  #serverStarts = 0;
  readonly #programs = new Map<StoppablePart, Program[]>();
  /** Every program that ever was has a name of its own. */
  #started = 0;
  readonly #clients: Client[] = [];

  constructor({ seed, nodes, candidates = 1, log = silentLogger }: VirtualClusterOptions) {
    this.clock = virtualClock(undefined, TIMERS_AT_ONCE_MAX + nodes * TIMERS_AT_ONCE_PER_NODE_MAX);
    this.#runtime = { clock: this.clock, random: seededRandom(seed), log };
    // Faults have chance of their own: one more or less does not change the rest of the story.
    this.faults = new Faults(seededRandom(seed + 1));
    this.#nodes = nodes;
    this.#candidates = candidates;
  }

  async start(): Promise<void> {
    await this.startServer();
    for (const part of STOPPABLE_PARTS) await this.startPart(part);
  }

  /** Acts as the administrator, without faults. */
  get client(): Client {
    return this.#client(this.handler, LOOPBACK_USER.name, [...LOOPBACK_USER.groups], 'user');
  }

  /** As somebody else, through the faults of `user`. */
  clientOf(user: string, groups?: readonly string[]): Client {
    return this.#client(this.#through('user'), user, groups, user);
  }

  /** How many API servers there have been. */
  get serverStarts(): number {
    return this.#serverStarts;
  }

  async startServer(): Promise<void> {
    this.#serverStarts++;
    this.#server = createStandardServer({
      runtime: this.#runtime,
      store: this.store,
      signer: signer(),
      definitions: builtinDefinitions({ serviceCidr: SERVICE_CIDR }),
      serviceCidrs: [SERVICE_CIDR],
      admission: [this.#webhook],
    });
    await this.clock.runUntil(this.#server.bootstrap());
  }

  /** The server goes and another comes, on the same store; watches end, and requests meanwhile are refused. */
  async restartServer(downMs = 0): Promise<void> {
    const old = this.#server;
    this.#server = undefined;
    if (old) await this.clock.runUntil(old.close());
    await this.clock.advance(downMs);
    await this.startServer();
  }

  /** Starts as many programs of the part as there should be and are not. */
  async startPart(part: StoppablePart): Promise<void> {
    const programs = this.#programs.get(part) ?? [];
    this.#programs.set(part, programs);
    const wanted = part === 'nodes' ? 1 : this.#candidates;
    while (programs.length < wanted) programs.push(this.#start(part));
    for (const program of programs) await this.clock.runUntil(program.ready);
  }

  /** All programs of the part end in peace. */
  async stopPart(part: StoppablePart): Promise<void> {
    for (const program of this.#programs.get(part)?.splice(0) ?? []) await this.clock.runUntil(program.stop());
  }

  /**
   * The program that works ends, and starts again after so long; another may take over meanwhile. A crash leaves what it was
   * doing where it was, and its lease held.
   */
  async restartPart(part: StoppablePart, downMs: number, crash = false): Promise<void> {
    const programs = this.#programs.get(part) ?? [];
    const index = Math.max(
      0,
      programs.findIndex((program) => program.isWorking()),
    );
    for (const program of programs.splice(index, 1)) {
      if (crash) program.cut();
      await this.clock.runUntil(program.stop());
    }
    await this.clock.advance(downMs);
    await this.startPart(part);
  }

  async close(): Promise<void> {
    this.faults.lift();
    for (const part of [...STOPPABLE_PARTS].reverse()) await this.stopPart(part);
    for (const client of this.#clients) await this.clock.runUntil(client.close());
    if (this.#server) await this.clock.runUntil(this.#server.close());
    await this.store[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whatever server there is at the time of the request. */
  readonly handler: ApiHandler = {
    handle: async (request) => {
      if (!this.#server) throw new Retryable('connection refused');
      this.#count(request);
      const answer = await this.#server.handle(request);
      this.observe?.(request, answer);
      return answer;
    },
  };

  #count({ method, url }: ApiRequest): void {
    if (this.busy) throw new Retryable(this.busy.message);
    const atMs = this.clock.monotonicMs();
    if (atMs !== this.#asked.atMs) this.#asked = { atMs, count: 0 };
    if (++this.#asked.count <= REQUESTS_AT_ONCE_MAX) return;
    this.busy = new Broken(
      `something is busy without end: ${REQUESTS_AT_ONCE_MAX} requests have come, and no time has passed; now ${method} ${url}`,
    );
    throw new Retryable(this.busy.message);
  }

  /** What a webhook for new pods is to those who wait for its answer. */
  readonly #webhook: AdmissionPlugin = {
    name: 'SimulatedWebhook',
    validate: ({ operation, type, subresource }) =>
      operation === 'CREATE' && type.resource === 'pods' && !subresource ? this.#askWebhook() : undefined,
  };

  async #askWebhook(): Promise<void> {
    const { delayMs, fails } = this.faults.webhook();
    if (delayMs > 0) await this.clock.sleep(delayMs);
    if (fails) throw statusError.internal('failed calling webhook "pods.example.com": a fault of the simulation');
  }

  #through(part: PartName): ApiHandler {
    return faultyHandler(this.handler, part, this.faults, this.clock);
  }

  #client(handler: ApiHandler, user: string, groups: readonly string[] | undefined, userAgent: string): Client {
    const client = inProcessClient({ handler, runtime: this.#runtime, user: userInfo(user, groups), userAgent });
    this.#clients.push(client);
    return client;
  }

  #start(part: StoppablePart): Program {
    const candidate = this.#candidates > 1 ? { candidate: `${part}-${++this.#started}` } : {};
    return startProgram({ part, handler: this.#through(part), runtime: this.#runtime, nodes: this.#nodes, ...candidate });
  }
}
