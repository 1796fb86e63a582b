// Registers a node, renews its lease and keeps its status (kubelet_node_status.go; component-helpers/apimachinery/lease).
import { coordinationv1, corev1, microTimeText, timeText } from '@tiphys/api';
import type { Client, EventRecorder } from '@tiphys/client';
import { isAlreadyExists, isConflict, isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import { stableText } from '../pod-worker/status-writer.ts';
import { type NodeFacts, nodeAnnotations, nodeLabels, nodeObject, nodeStatus } from './node-object.ts';

export const LEASE_NAMESPACE = 'kube-node-lease';
export const LEASE_SECONDS = 40;
const LEASE_RENEW_MS = 10_000;
/** How often the status is looked at, and how often it is written when nothing changed. */
const STATUS_CHECK_MS = 10_000;
const STATUS_CHECK_UNREADY_MS = 250;
const STATUS_REPORT_MS = 300_000;
const RETRY_MS = 500;
const OWN_CONDITIONS = new Set(['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready']);

export interface Registration {
  /** Looks at the status at once. */
  refresh(): Promise<void>;
  node(): corev1.Node | undefined;
  stop(): Promise<void>;
}

export interface RegistrationOptions {
  client: Client;
  runtime: Runtime;
  events: EventRecorder;
  facts: () => Promise<NodeFacts>;
}

/** What is to be there and is not, or otherwise. */
function missing(wanted: Record<string, string>, present: Record<string, string> = {}): Record<string, string> | undefined {
  const entries = Object.entries(wanted).filter(([key, value]) => present[key] !== value);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

async function register(client: Client, facts: NodeFacts, now: string): Promise<corev1.Node> {
  const nodes = client.of(corev1.nodes);
  try {
    return await nodes.create(nodeObject(facts, now));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const existing = await nodes.get(facts.name);
  const labels = missing({ ...nodeLabels(facts.name, facts.machine), ...facts.labels }, existing.metadata?.labels);
  const annotations = missing(nodeAnnotations(facts), existing.metadata?.annotations);
  if (!labels && !annotations) return existing;
  const metadata = { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  return nodes.patch(facts.name, undefined, 'merge', { metadata });
}

/** Only what differs but for the time of the heartbeat counts as a change. */
function changed(old: corev1.NodeStatus | undefined, wanted: corev1.NodeStatus): boolean {
  const text = (status: corev1.NodeStatus | undefined) =>
    stableText({
      ...status,
      conditions: [...(status?.conditions ?? [])]
        .sort((a, b) => (a.type < b.type ? -1 : 1))
        .map(({ lastHeartbeatTime: _, ...condition }) => condition),
      volumesAttached: undefined,
      nodeInfo: { ...status?.nodeInfo, kubeProxyVersion: '' },
      config: undefined,
    });
  return text(old) !== text(wanted);
}

async function renewLease(client: Client, node: corev1.Node, now: string): Promise<void> {
  const leases = client.of(coordinationv1.leases);
  const name = node.metadata!.name!;
  const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: now };
  try {
    await leases.patch(name, LEASE_NAMESPACE, 'merge', { spec });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata!.uid! };
    const metadata = { name, namespace: LEASE_NAMESPACE, ownerReferences: [owner] };
    await leases.create({ metadata, spec } as coordinationv1.Lease);
  }
}

interface Chores {
  /** Does the work again and again, each time after the delay that holds then. */
  every(name: string, delayMs: () => number, work: () => Promise<void>): void;
  /** Resolves when what is under way is over. */
  stop(): Promise<void>;
}

function repeated({ clock, log }: Runtime): Chores {
  const timers = new Map<string, Timer>();
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const every: Chores['every'] = (name, delayMs, work) => {
    if (stopped) return;
    const once = () =>
      work()
        .catch((error) => {
          if (!isConflict(error)) log.warning(`${name} failed`, { error: String(error) });
        })
        .then(() => every(name, delayMs, work));
    timers.set(
      name,
      clock.after(delayMs(), () => {
        running = Promise.all([running, once()]).then(() => {});
      }),
    );
  };
  return {
    every,
    stop: async () => {
      stopped = true;
      for (const timer of timers.values()) timer.cancel();
      await running;
    },
  };
}

/** Resolves when the node is registered and its first status written. */
export async function registerNode(options: RegistrationOptions): Promise<Registration> {
  const { client, runtime, events, facts } = options;
  const { clock, log } = runtime;
  const nodes = client.of(corev1.nodes);
  const chores = repeated(runtime);
  let node: corev1.Node | undefined;
  let reportedMs = Number.NEGATIVE_INFINITY;
  /** The conditions that events have told of. */
  const told = new Map<string, string>();

  const writeStatus = async () => {
    const now = await facts();
    const wanted = nodeStatus(now, node?.status, timeText(clock.now()));
    if (node && !changed(node.status, wanted) && clock.monotonicMs() - reportedMs < STATUS_REPORT_MS) return;
    try {
      node = await nodes.patch(now.name, undefined, 'merge', { status: wanted }, { subresource: 'status' });
      reportedMs = clock.monotonicMs();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Somebody deleted the Node object: a running node comes back.
      node = await register(client, now, timeText(clock.now()));
    }
    announce(now.name, wanted.conditions ?? []);
  };
  const announce = (name: string, conditions: readonly corev1.NodeCondition[]) => {
    for (const { type, status, reason } of conditions) {
      const before = told.get(type);
      told.set(type, status);
      // A node that is not ready yet has nothing to tell.
      if (before === status || (type === 'Ready' && before === undefined && status !== 'True')) continue;
      const event = reason?.replace(/^Kubelet/, 'Node') ?? '';
      if (OWN_CONDITIONS.has(type)) nodeEvent(name, event, `Node ${name} status is now: ${event}`);
    }
  };
  const nodeEvent = (name: string, reason: string, message: string) =>
    events.event({ apiVersion: 'v1', kind: 'Node', name, uid: node?.metadata?.uid ?? name }, 'Normal', reason, message);

  const renew = () => renewLease(client, node!, microTimeText(clock.now()));
  for (;;) {
    try {
      node = await register(client, await facts(), timeText(clock.now()));
      nodeEvent(node.metadata!.name!, 'Starting', 'Starting kubelet.');
      await writeStatus();
      await renew();
      break;
    } catch (error) {
      log.warning('registering the node failed and is tried again', { error: String(error) });
      await clock.sleep(RETRY_MS);
    }
  }
  chores.every('renewing the lease', () => LEASE_RENEW_MS, renew);
  chores.every(
    'reporting the status of the node',
    () => (told.get('Ready') === 'True' ? STATUS_CHECK_MS : STATUS_CHECK_UNREADY_MS),
    writeStatus,
  );
  return {
    refresh: writeStatus,
    node: () => node,
    stop: () => chores.stop(),
  };
}
