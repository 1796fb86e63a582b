// A whole cluster in this process on a virtual clock: API server, controllers, scheduler and simulated nodes, each of which can be
// stopped and started again. No sockets, no threads, no timers but the clock's, so that a seed says everything.
import { generateKeyPairSync } from 'node:crypto';
import { type Client, inProcessClient, userInfo } from '@tiphys/client';
import { builtinControllers, startControllers, systemControllers } from '@tiphys/controllers';
import { type ApiHandler, type ApiRequest, type ApiResponse, statusError } from '@tiphys/machinery';
import { startSimulatedNodes } from '@tiphys/node';
import { builtinDefinitions } from '@tiphys/registry';
import { type Logger, type Runtime, seededRandom, silentLogger, type VirtualClock, virtualClock } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { type AdmissionPlugin, createStandardServer, createTokenSigner, LOOPBACK_USER, type StandardServer } from '@tiphys/server';
import { Retryable } from '@tiphys/std';
import { memoryStore, type Store } from '@tiphys/storage';
import { Faults, type PartName } from './faults.ts';
import { faultyHandler } from './faulty-handler.ts';

const SERVICE_CIDR = '10.96.0.0/12';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** Tokens are no part of the simulation's outcome; one key does for all clusters of the process. */
let signingKeyPem: string | undefined;

function signer() {
  signingKeyPem ??= generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return createTokenSigner({ privateKeyPem: signingKeyPem, issuer: ISSUER });
}

interface RunningPart {
  ready: Promise<unknown>;
  stop(): Promise<unknown>;
  clients: readonly Client[];
}

/** Parts that can be stopped and started; the user is no such part. */
export type StoppablePart = Exclude<PartName, 'user' | 'server'>;
export const STOPPABLE_PARTS: readonly StoppablePart[] = ['controllers', 'scheduler', 'nodes'];

export interface VirtualClusterOptions {
  seed: number;
  nodes: number;
  log?: Logger;
}

export class VirtualCluster {
  readonly clock: VirtualClock = virtualClock();
  readonly faults: Faults;
  readonly store: Store = memoryStore();
  /** Told of every request with the server's answer. */
  observe: ((request: ApiRequest, answer: ApiResponse) => void) | undefined;
  readonly #runtime: Runtime;
  readonly #nodes: number;
  #server: StandardServer | undefined;
  readonly #parts = new Map<StoppablePart, RunningPart>();
  readonly #clients: Client[] = [];

  constructor({ seed, nodes, log = silentLogger }: VirtualClusterOptions) {
    this.#runtime = { clock: this.clock, random: seededRandom(seed), log };
    // Faults have chance of their own: one more or less does not change the rest of the story.
    this.faults = new Faults(seededRandom(seed + 1));
    this.#nodes = nodes;
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

  async startServer(): Promise<void> {
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

  async startPart(name: StoppablePart): Promise<void> {
    if (this.#parts.has(name)) return;
    const part = this.#start(name);
    this.#parts.set(name, part);
    await this.clock.runUntil(part.ready);
  }

  async stopPart(name: StoppablePart): Promise<void> {
    const part = this.#parts.get(name);
    if (!part) return;
    this.#parts.delete(name);
    await this.clock.runUntil(Promise.resolve(part.stop()));
    for (const client of part.clients) await this.clock.runUntil(client.close());
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
      const answer = await this.#server.handle(request);
      this.observe?.(request, answer);
      return answer;
    },
  };

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

  #start(name: StoppablePart): RunningPart {
    const runtime = this.#runtime;
    const handler = this.#through(name);
    const as = (user: string, groups: readonly string[] | undefined, program: string) =>
      inProcessClient({ handler, runtime, user: userInfo(user, groups), userAgent: program });
    if (name === 'controllers') {
      const client = as(LOOPBACK_USER.name, LOOPBACK_USER.groups, 'kube-controller-manager');
      const system = systemControllers({ rootCertificatePem: 'simulated', signToken: () => 'simulated' });
      const running = startControllers({ client, runtime, controllers: [...system, ...builtinControllers()] });
      return { ready: running.ready, stop: () => running.stop(), clients: [client] };
    }
    if (name === 'scheduler') {
      const client = as('system:kube-scheduler', undefined, 'kube-scheduler');
      const running = startScheduler({ client, runtime });
      return { ready: running.started, stop: () => running.stop(), clients: [client] };
    }
    const client = as('system:simulator', ['system:masters'], 'kubelet');
    const running = startSimulatedNodes({ client, runtime, count: this.#nodes });
    return { ready: running.ready, stop: () => running.stop(), clients: [client] };
  }
}
