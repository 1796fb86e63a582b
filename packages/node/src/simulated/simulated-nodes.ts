// Nodes without machines: registered, alive and playing the kubelet for the pods that are bound to them (the idea of kwok).
// For tests, for studies of scale, and where there is no container runtime.
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import { Heartbeats, type SimulatedNode } from './heartbeats.ts';
import { PodPlayer } from './pod-player.ts';
import { defaultStages, type PodStage } from './stages.ts';

export interface SimulatedNodesOptions {
  /** May read and write nodes, leases and pods' statuses. */
  client: Client;
  runtime: Runtime;
  count: number;
  /** Nodes are called `PREFIX-1`, `PREFIX-2` … Default `simulated`. */
  namePrefix?: string;
  /** Default: pods start at once, pods of Jobs succeed a second later, pods that are deleted end at once. */
  stages?: readonly PodStage[];
}

export interface SimulatedNodes extends AsyncDisposable {
  /** Resolves when every node is registered with its lease and pods are followed. */
  ready: Promise<void>;
  /** Stops playing. Nodes and pods stay as they are, as when a machine loses its power. */
  stop(): Promise<void>;
}

export function startSimulatedNodes(options: SimulatedNodesOptions): SimulatedNodes {
  const { client, count, namePrefix = 'simulated', stages = defaultStages } = options;
  const runtime = { ...options.runtime, log: options.runtime.log.named('simulated-nodes') };
  const nodes = Array.from(
    { length: count },
    (_, index): SimulatedNode => ({
      name: `${namePrefix}-${index + 1}`,
      index,
      object: undefined,
      lease: undefined,
      reportedMs: 0,
      gone: false,
    }),
  );
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const heartbeats = new Heartbeats({ client, runtime, nodes });
  const player = new PodPlayer({ client, runtime, stages });
  for (const { name, index } of nodes) player.addNode(name, index);
  const stops: (() => void)[] = [];
  let stopped = false;

  const nodeSeen = (object: corev1.Node) => {
    const node = byName.get(object.metadata!.name!);
    if (node?.object && node.object.metadata!.uid === object.metadata!.uid) heartbeats.seen(node, object);
  };
  const nodeGone = (object: corev1.Node) => {
    const node = byName.get(object.metadata!.name!);
    if (!node?.object || node.object.metadata!.uid !== object.metadata!.uid) return;
    node.gone = true;
    player.removeNode(node.name);
  };
  const start = async () => {
    await heartbeats.register();
    if (stopped) return;
    const podCache = client.informer(corev1.pods);
    const nodeCache = client.informer(corev1.nodes);
    stops.push(nodeCache.subscribe({ added: nodeSeen, updated: nodeSeen, deleted: nodeGone }));
    const seen = (pod: corev1.Pod) => player.seen(pod);
    stops.push(podCache.subscribe({ added: seen, updated: seen, deleted: (pod) => player.gone(pod) }));
    await Promise.all([podCache.synced(), nodeCache.synced()]);
  };
  const stop = async () => {
    stopped = true;
    for (const end of stops) end();
    await Promise.all([heartbeats.stop(), player.stop()]);
  };
  return { ready: start(), stop, [Symbol.asyncDispose]: stop };
}
