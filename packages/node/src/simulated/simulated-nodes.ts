// Many nodes in one process without containers (kwok's idea, sigs.k8s.io/kwok): one informer for all pods, one turning timer for
// all leases. To the API they are nodes like others.
import { coordinationv1, corev1 } from '@tiphys/api';
import { type Client, microTimeText, timeText } from '@tiphys/client';
import { isAlreadyExists, isNotFound } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import type { MachineFacts } from '../node/machine.ts';
import { allocatableOf, capacityOf, nodeObject } from '../node/node-object.ts';
import { LEASE_NAMESPACE, LEASE_SECONDS } from '../node/registration.ts';
import { nextStep } from './stages.ts';

export interface SimulatedNodesOptions {
  client: Client;
  runtime: Runtime;
  count: number;
  /** Nodes are named `PREFIX-0` and so on; a single one takes the prefix as its name. Default `node`. */
  prefix?: string;
  cpus?: number;
  memoryBytes?: number;
  /** Pods per node; default upstream's 110. */
  pods?: number;
  labels?: Readonly<Record<string, string>>;
}

export interface SimulatedNodes {
  names: readonly string[];
  stop(): Promise<void>;
}

const RENEW_MS = 10_000;
/** The wheel renews a share of the leases at each turn, so that thousands don't fall due together. */
const TURN_MS = 250;
const REGISTER_AT_ONCE_MAX = 32;
const WRITES_MAX = 64;
const RETRY_MS = 500;
const CPUS_DEFAULT = 32;
const MEMORY_DEFAULT_BYTES = 256 * 2 ** 30;
const STORAGE_BYTES = 2 ** 40;

const nodeIp = (index: number) => `10.${64 + ((index >> 16) & 63)}.${(index >> 8) & 255}.${index & 255}`;
const podIpOf = (serial: number) => `10.${128 + ((serial >> 16) & 127)}.${(serial >> 8) & 255}.${serial & 255}`;

function machineOf(options: SimulatedNodesOptions, name: string, address: string): MachineFacts {
  return {
    hostname: name,
    address,
    architecture: 'amd64',
    cpus: options.cpus ?? CPUS_DEFAULT,
    memoryBytes: options.memoryBytes ?? MEMORY_DEFAULT_BYTES,
    ephemeralStorageBytes: STORAGE_BYTES,
    machineId: name,
    systemUuid: name,
    bootId: name,
    kernel: 'simulated',
    osImage: 'simulated',
  };
}

function nodeOf(options: SimulatedNodesOptions, name: string, index: number, nowMs: number): corev1.Node {
  const address = nodeIp(index + 1);
  const machine = machineOf(options, name, address);
  const node = nodeObject(
    {
      name,
      machine,
      address,
      runtimeVersion: 'simulated://1.0',
      port: 0,
      podCidr: '',
      images: [],
      volumesInUse: [],
      problems: [],
      labels: { 'tiphys.io/simulated': 'true', ...options.labels },
    },
    timeText(nowMs),
  );
  const pods: Record<string, string> = options.pods === undefined ? {} : { pods: String(options.pods) };
  node.status = { ...node.status, capacity: { ...capacityOf(machine), ...pods }, allocatable: { ...allocatableOf(machine), ...pods } };
  return node;
}

/** Resolves when all nodes are registered and their pods are looked after. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<SimulatedNodes> {
  const { client, runtime, count, prefix = 'node' } = options;
  const { clock } = runtime;
  const names = count === 1 ? [prefix] : Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const nodes = client.of(corev1.nodes);
  const leases = client.of(coordinationv1.leases);
  const pods = client.of(corev1.pods);
  const informer = client.informer(corev1.pods);
  const timers = new Map<string, Timer>();
  const busy = new Set<string>();
  const again = new Set<string>();
  let serial = 0;
  let stopped = false;
  let turn: Timer | undefined;
  let writing = 0;
  const waiting: (() => void)[] = [];

  const limited = async <T>(work: () => Promise<T>): Promise<T> => {
    if (writing >= WRITES_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    writing++;
    try {
      return await work();
    } finally {
      writing--;
      waiting.shift()?.();
    }
  };
  const renew = async (name: string) => {
    const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTimeText(clock.now()) };
    try {
      await leases.patch(name, LEASE_NAMESPACE, 'merge', { spec });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await leases.create({ metadata: { name, namespace: LEASE_NAMESPACE }, spec } as coordinationv1.Lease);
    }
  };
  const register = async (name: string) => {
    const node = nodeOf(options, name, indexOf.get(name)!, clock.now());
    try {
      await nodes.create(node);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    // What a node says of itself goes through its status, whatever creation kept.
    await nodes.patch(name, undefined, 'merge', { status: node.status }, { subresource: 'status' });
    await renew(name);
  };
  const turnWheel = (at: number) => {
    const share = Math.max(1, Math.ceil((names.length * TURN_MS) / RENEW_MS));
    const delayMs = Math.max(TURN_MS, Math.floor((RENEW_MS * share) / names.length));
    turn = clock.after(delayMs, () => {
      const due = Array.from({ length: Math.min(share, names.length) }, (_, i) => names[(at + i) % names.length]!);
      for (const name of due)
        void limited(() => renew(name)).catch((error) => runtime.log.debug('a lease was not renewed', { name, error: String(error) }));
      if (!stopped) turnWheel((at + share) % names.length);
    });
  };

  const isOurs = (pod: corev1.Pod) => pod.spec?.nodeName !== undefined && indexOf.has(pod.spec.nodeName);
  const keyOf = (pod: corev1.Pod) => pod.metadata!.uid!;
  const later = (pod: corev1.Pod, delayMs: number) => {
    timers.get(keyOf(pod))?.cancel();
    timers.set(
      keyOf(pod),
      clock.after(delayMs, () => {
        timers.delete(keyOf(pod));
        look(informer.get(pod.metadata!.name!, pod.metadata!.namespace));
      }),
    );
  };
  const step = async (pod: corev1.Pod) => {
    const { name, namespace, uid, deletionTimestamp } = pod.metadata!;
    if (deletionTimestamp) {
      await pods.delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
      return;
    }
    const podIp = pod.status?.podIP ?? podIpOf(++serial);
    const facts = { hostIp: nodeIp(indexOf.get(pod.spec!.nodeName!)! + 1), podIp, nowMs: clock.now() };
    const { status, againMs } = nextStep(pod, facts);
    if (status) await pods.patch(name!, namespace, 'strategic', { metadata: { uid }, status }, { subresource: 'status' });
    if (againMs !== undefined) later(pod, againMs);
  };
  const look = (pod: corev1.Pod | undefined) => {
    if (stopped || !pod || !isOurs(pod)) return;
    const key = keyOf(pod);
    if (busy.has(key)) return void again.add(key);
    busy.add(key);
    void limited(() => step(pod))
      .catch((error) => {
        if (isNotFound(error) || (error as { code?: number }).code === 409) return;
        runtime.log.debug('a simulated pod could not be moved on', { pod: pod.metadata!.name!, error: String(error) });
        later(pod, RETRY_MS);
      })
      .finally(() => {
        busy.delete(key);
        if (again.delete(key)) look(informer.get(pod.metadata!.name!, pod.metadata!.namespace));
      });
  };

  for (let i = 0; i < names.length; i += REGISTER_AT_ONCE_MAX) await Promise.all(names.slice(i, i + REGISTER_AT_ONCE_MAX).map(register));
  const unsubscribe = informer.subscribe({
    added: look,
    updated: (pod, old) => {
      // Our own write of "Running" needs no second look; its end has a timer.
      if (old.spec?.nodeName !== pod.spec?.nodeName || pod.metadata!.deletionTimestamp || pod.status?.phase === 'Pending') look(pod);
    },
    deleted: (pod) => {
      timers.get(keyOf(pod))?.cancel();
      timers.delete(keyOf(pod));
    },
  });
  await informer.synced();
  turnWheel(0);
  return {
    names,
    stop: async () => {
      stopped = true;
      unsubscribe();
      turn?.cancel();
      for (const timer of timers.values()) timer.cancel();
    },
  };
}
