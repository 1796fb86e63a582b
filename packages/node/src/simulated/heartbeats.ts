// Registers simulated nodes and keeps their leases with one timer for all of them (kubelet_node_status.go;
// component-helpers/apimachinery/lease).
import { coordinationv1, corev1, microTimeText, timeText } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isAlreadyExists, isConflict, isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import { nodeLabels, nodeObject, nodeStatus } from '../node/node-object.ts';
import { LEASE_NAMESPACE, LEASE_SECONDS } from '../node/registration.ts';
import { simulatedFacts } from './machines.ts';

/** Half as often as a kubelet, and made good at once when it fails: a lost beat leaves as much time as a kubelet's does. */
const RENEW_MS = 20_000;
/** Nodes are renewed in so many groups, one after another within the time. */
const GROUPS_MAX = 20;
/** The status is written so often though nothing changed. */
const STATUS_REPORT_MS = 300_000;
const REGISTRATIONS_SIDE_BY_SIDE_MAX = 64;
const REGISTER_RETRY_MS = 500;
const JITTER = 0.04;

export interface SimulatedNode {
  name: string;
  index: number;
  /** As registered or last reported; undefined before. */
  object: corev1.Node | undefined;
  lease: coordinationv1.Lease | undefined;
  /** By the monotonic clock. */
  reportedMs: number;
  /** Somebody deleted the node: it is not played any more. */
  gone: boolean;
}

export interface HeartbeatOptions {
  client: Client;
  runtime: Runtime;
  nodes: readonly SimulatedNode[];
}

const readyStatus = (node: corev1.Node | undefined) => node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

export class Heartbeats {
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #groups: SimulatedNode[][];
  /** Their last beat failed: they come along with the next group. */
  readonly #late = new Set<SimulatedNode>();
  #turn = 0;
  #timer: Timer | undefined;
  #stopped = false;
  #working: Promise<unknown> = Promise.resolve();

  constructor({ client, runtime, nodes }: HeartbeatOptions) {
    this.#client = client;
    this.#runtime = runtime;
    const count = Math.min(GROUPS_MAX, nodes.length);
    this.#groups = Array.from({ length: count }, (_, group) => nodes.filter((_, index) => index % count === group));
  }

  /** Resolves when all nodes are registered and have their lease. */
  async register(): Promise<void> {
    const waiting = this.#groups.flat();
    const worker = async () => {
      for (let node = waiting.pop(); node && !this.#stopped; node = waiting.pop()) await this.#registerUntilDone(node);
    };
    await Promise.all(Array.from({ length: REGISTRATIONS_SIDE_BY_SIDE_MAX }, worker));
    this.#next();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#working;
  }

  /** The node as the cache has it now: one that others called not ready reports at once. */
  seen(node: SimulatedNode, object: corev1.Node): void {
    node.object = object;
    if (readyStatus(object) !== 'True' && !this.#stopped)
      this.#working = Promise.all([this.#working, this.#attempt(node, () => this.#report(node))]);
  }

  #next(): void {
    if (this.#stopped || this.#groups.length === 0) return;
    const delayMs = (RENEW_MS / this.#groups.length) * (1 + JITTER * (this.#runtime.random.number() - 1));
    this.#timer = this.#runtime.clock.after(delayMs, () => {
      const group = new Set([...this.#late, ...this.#groups[this.#turn++ % this.#groups.length]!].filter(({ gone }) => !gone));
      this.#late.clear();
      this.#working = Promise.all(Array.from(group, (node) => this.#attempt(node, () => this.#beat(node))));
      void this.#working.then(() => this.#next());
    });
  }

  async #registerUntilDone(node: SimulatedNode): Promise<void> {
    while (!this.#stopped) {
      try {
        node.object = await this.#register(node);
        node.reportedMs = this.#runtime.clock.monotonicMs();
        await this.#renew(node);
        return;
      } catch (error) {
        this.#runtime.log.warning('registering a simulated node failed and is tried again', { node: node.name, error: String(error) });
        await this.#runtime.clock.sleep(REGISTER_RETRY_MS);
      }
    }
  }

  async #register({ name, index }: SimulatedNode): Promise<corev1.Node> {
    const facts = simulatedFacts(name, index);
    const nodes = this.#client.of(corev1.nodes);
    const now = timeText(this.#runtime.clock.now());
    try {
      return await nodes.create(nodeObject(facts, now));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const existing = await nodes.get(name);
    const labels = { ...nodeLabels(name, facts.machine), ...facts.labels };
    await nodes.patch(name, undefined, 'merge', { metadata: { labels } });
    return nodes.patch(name, undefined, 'merge', { status: nodeStatus(facts, existing.status, now) }, { subresource: 'status' });
  }

  async #beat(node: SimulatedNode): Promise<void> {
    await this.#renew(node);
    if (this.#runtime.clock.monotonicMs() - node.reportedMs >= STATUS_REPORT_MS || readyStatus(node.object) !== 'True')
      await this.#report(node);
  }

  async #renew(node: SimulatedNode): Promise<void> {
    const { name } = node;
    const leases = this.#client.of(coordinationv1.leases);
    const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTimeText(this.#runtime.clock.now()) };
    if (node.lease) {
      try {
        node.lease = await leases.update({ ...node.lease, spec: { ...node.lease.spec, ...spec } });
        return;
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.object!.metadata!.uid! };
    try {
      node.lease = await leases.create({
        metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences: [owner] },
        spec,
      } as coordinationv1.Lease);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      node.lease = await leases.patch(name, LEASE_NAMESPACE, 'merge', { metadata: { ownerReferences: [owner] }, spec });
    }
  }

  async #report(node: SimulatedNode): Promise<void> {
    const { clock } = this.#runtime;
    const status = nodeStatus(simulatedFacts(node.name, node.index), node.object?.status, timeText(clock.now()));
    node.object = await this.#client.of(corev1.nodes).patch(node.name, undefined, 'merge', { status }, { subresource: 'status' });
    node.reportedMs = clock.monotonicMs();
  }

  async #attempt(node: SimulatedNode, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#late.add(node);
      if (!this.#stopped) this.#runtime.log.debug('a heartbeat failed', { node: node.name, error: String(error) });
    }
  }
}
