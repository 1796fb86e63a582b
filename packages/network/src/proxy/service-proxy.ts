// The running service proxy: watches Services and EndpointSlices, computes the changed parts of the table and hands them
// to nft in one transaction. No polling: work starts when something changes and while one transaction runs the next gathers.
import { corev1, discoveryv1 } from '@tiphys/api';
import type { Client, Informer } from '@tiphys/client';
import type { Runtime, Timer } from '@tiphys/runtime';
import { type EndpointSlice, keyOf, type Service, serviceKeyOf } from '../kinds.ts';
import { type RunProgram, runProgram } from '../run-program.ts';
import { removalCommands, type TableOptions, tableName } from './base-rules.ts';
import { cleanFlows, hasUdp } from './conntrack.ts';
import { type Fragment, fragmentOf } from './fragment.ts';
import { type HealthChecks, startHealthChecks } from './health-check.ts';
import { Ruleset } from './ruleset.ts';
import { endpointsOf, type Family, proxyPorts } from './service-port.ts';

export interface ServiceProxyOptions {
  client: Client;
  runtime: Runtime;
  nodeName: string;
  /** The node's address, for load balancer source ranges. */
  nodeIp?: string;
  podCidrs?: readonly string[];
  serviceCidrs?: readonly string[];
  /** Default `tiphys`. */
  table?: string;
  family?: Family;
  /** How nft and conntrack are run; tests run them in a network namespace. */
  run?: RunProgram;
}

export interface ServiceProxy {
  /** Resolves when the table holds every service known at the start. */
  ready: Promise<void>;
  /** Resolves when everything seen so far is in the kernel. */
  settled(): Promise<void>;
  /** Stops following changes. The table stays, so that services go on while the program restarts, unless it is to be removed. */
  stop(options?: { removeTable?: boolean }): Promise<void>;
}

/** Gathers the events of one burst into a transaction. */
const GATHER_MS = 5;
const RETRY_MS = 1000;
const RETRY_MS_MAX = 30_000;
const STALE_CHAIN_MS = 1100;

/** Leaves no table of ours behind, whether there was one or not. */
export async function removeServiceTable(options: { table?: string; family?: Family; run?: RunProgram } = {}): Promise<void> {
  const { table = 'tiphys', family = 4, run = runProgram } = options;
  await run('nft', ['-f', '-'], { input: `${removalCommands({ table, family }).join('\n')}\n` });
}

export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const proxy = new RunningProxy(options);
  return {
    ready: proxy.start(),
    settled: () => proxy.settled(),
    stop: async (how) => {
      await proxy.stop();
      if (how?.removeTable) await removeServiceTable(options);
    },
  };
}

class RunningProxy {
  readonly #runtime: Runtime;
  readonly #run: RunProgram;
  readonly #nodeName: string;
  readonly #tableOptions: TableOptions;
  readonly #ruleset: Ruleset;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #nodes: Informer<corev1.Node>;
  readonly #healthChecks: HealthChecks;
  readonly #changed = new Set<string>();
  readonly #stale = new Map<string, number>();
  readonly #unsubscribe: (() => void)[] = [];
  #zone = '';
  #full = true;
  #timer: Timer | undefined;
  #staleTimer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #failures = 0;
  #stopped = false;
  #conntrackMissing = false;

  constructor(options: ServiceProxyOptions) {
    this.#runtime = { ...options.runtime, log: options.runtime.log.named('service-proxy') };
    this.#run = options.run ?? runProgram;
    this.#nodeName = options.nodeName;
    this.#tableOptions = {
      table: options.table ?? 'tiphys',
      family: options.family ?? 4,
      podCidrs: options.podCidrs ?? [],
      serviceCidrs: options.serviceCidrs ?? [],
      nodeIp: options.nodeIp ?? '',
    };
    this.#ruleset = new Ruleset(this.#tableOptions);
    this.#healthChecks = startHealthChecks(this.#runtime.log);
    this.#services = options.client.informer(corev1.services);
    this.#slices = options.client.informer(discoveryv1.endpointslices);
    this.#nodes = options.client.informer(corev1.nodes, { fieldSelector: `metadata.name=${options.nodeName}` });
    this.#slices.index('service', (slice) => {
      const key = serviceKeyOf(slice);
      return key ? [key] : [];
    });
  }

  async start(): Promise<void> {
    await Promise.all([this.#services.synced(), this.#slices.synced(), this.#nodes.synced()]);
    if (this.#stopped) return;
    const service = (object: Service) => this.#note(keyOf(object));
    const slice = (object: EndpointSlice) => this.#note(serviceKeyOf(object));
    this.#unsubscribe.push(
      this.#services.subscribe({ added: service, updated: service, deleted: service }),
      this.#slices.subscribe({
        added: slice,
        updated: (object, old) => {
          slice(old);
          slice(object);
        },
        deleted: slice,
      }),
      this.#nodes.subscribe({ added: () => this.#noteNode(), updated: () => this.#noteNode() }),
    );
    await this.settled();
  }

  async settled(): Promise<void> {
    while (!this.#stopped && (this.#changed.size > 0 || this.#full || this.#busy)) {
      if (!this.#busy) this.#begin();
      await this.#running;
      if (this.#failures > 0) await this.#runtime.clock.sleep(RETRY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#timer?.cancel();
    this.#staleTimer?.cancel();
    await this.#running;
    await this.#healthChecks.close();
  }

  #note(key: string | undefined) {
    if (key === undefined) return;
    this.#changed.add(key);
    this.#schedule(GATHER_MS);
  }

  #noteNode() {
    const zone = this.#nodes.get(this.#nodeName)?.metadata?.labels?.['topology.kubernetes.io/zone'] ?? '';
    if (zone === this.#zone) return;
    this.#zone = zone;
    for (const service of this.#services.list()) this.#note(keyOf(service));
  }

  #schedule(delayMs: number) {
    if (this.#timer || this.#busy || this.#stopped) return;
    this.#timer = this.#runtime.clock.after(delayMs, () => this.#begin());
  }

  #begin() {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    this.#running = this.#sync().finally(() => {
      this.#busy = false;
      if (this.#changed.size === 0 && !this.#full) return;
      this.#schedule(this.#failures === 0 ? GATHER_MS : Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MS_MAX));
    });
  }

  /** One transaction. After a failure the kernel's state is unknown, so the next one writes the whole table. */
  async #sync(): Promise<void> {
    const keys = [...this.#changed];
    this.#changed.clear();
    const changes = new Map<string, Fragment | undefined>(keys.map((key) => [key, this.#fragment(key)]));
    const { text, staleChains } = this.#ruleset.update(changes);
    const input = this.#full ? this.#ruleset.full() : text;
    try {
      if (input !== '') await this.#run('nft', ['-f', '-'], { input });
      if (this.#full) this.#stale.clear();
      else this.#noteStale(staleChains);
      this.#full = false;
      this.#failures = 0;
    } catch (error) {
      this.#full = true;
      this.#failures++;
      this.#runtime.log.error('nftables refused the services; the whole table will be written again', error);
      return;
    }
    await this.#afterwards(keys);
  }

  #fragment(key: string): Fragment | undefined {
    const service = this.#service(key);
    const topology = { nodeName: this.#nodeName, zone: this.#zone };
    return service && fragmentOf(service, this.#slices.byIndex('service', key), topology, this.#tableOptions);
  }

  #service(key: string): Service | undefined {
    const [namespace, name] = key.split('/') as [string, string];
    return this.#services.get(name, namespace);
  }

  #noteStale(chains: readonly string[]) {
    const dueMs = this.#runtime.clock.monotonicMs() + STALE_CHAIN_MS;
    for (const chain of chains) this.#stale.set(chain, dueMs);
    if (this.#stale.size > 0 && !this.#staleTimer && !this.#stopped) {
      this.#staleTimer = this.#runtime.clock.after(STALE_CHAIN_MS, () => void this.#deleteStale());
    }
  }

  async #deleteStale(): Promise<void> {
    this.#staleTimer = undefined;
    await this.#running;
    if (this.#stopped) return;
    const nowMs = this.#runtime.clock.monotonicMs();
    const inUse = new Set([...this.#ruleset.model.values()].flatMap((fragment) => [...fragment.chains.keys()]));
    const due: string[] = [];
    for (const [chain, dueMs] of this.#stale) {
      if (inUse.has(chain)) this.#stale.delete(chain);
      else if (dueMs <= nowMs) due.push(chain);
    }
    for (const chain of due) this.#stale.delete(chain);
    const table = tableName(this.#tableOptions);
    const input = due.map((chain) => `delete chain ${table} ${chain}\n`).join('');
    if (input !== '') {
      this.#busy = true;
      this.#running = this.#run('nft', ['-f', '-'], { input })
        .then(
          () => {},
          () => {
            for (const chain of due) this.#stale.set(chain, nowMs + STALE_CHAIN_MS);
          },
        )
        .finally(() => {
          this.#busy = false;
          if (this.#changed.size > 0) this.#schedule(GATHER_MS);
        });
      await this.#running;
    }
    this.#noteStale([]);
  }

  async #afterwards(keys: readonly string[]): Promise<void> {
    const { family } = this.#tableOptions;
    const world = keys.flatMap((key) => {
      const service = this.#service(key);
      return service ? { service, slices: this.#slices.byIndex('service', key) } : [];
    });
    for (const key of keys) this.#updateHealthCheck(key);
    const udp = world.filter(({ service }) => hasUdp(service));
    if (udp.length === 0 || this.#conntrackMissing) return;
    try {
      await cleanFlows(this.#run, family, udp);
    } catch (error) {
      this.#conntrackMissing = /ENOENT/.test(String(error));
      this.#runtime.log.warning(
        'flows of UDP services to endpoints that are gone cannot be cleaned up; is the conntrack program installed?',
        {
          error: String(error),
        },
      );
    }
  }

  #updateHealthCheck(key: string) {
    const service = this.#service(key);
    const port =
      service?.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local' ? service.spec.healthCheckNodePort : 0;
    const { family } = this.#tableOptions;
    const slices = this.#slices.byIndex('service', key);
    const local = new Set(
      (service ? proxyPorts(service, family) : []).flatMap((each) =>
        endpointsOf(each, slices, this.#nodeName, family).flatMap((endpoint) => (endpoint.local && endpoint.ready ? [endpoint.ip] : [])),
      ),
    );
    this.#healthChecks.set(key, port ? { port, localEndpoints: local.size } : undefined);
  }
}
