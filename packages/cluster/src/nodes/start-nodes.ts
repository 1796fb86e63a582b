// Starts the nodes a cluster was asked for: one with real containers and any number of simulated ones.
import type { Client } from '@tiphys/client';
import { hasPodNetwork, removePodNetwork, removeRoutes, removeServiceTable, startClusterDns } from '@tiphys/network';
import { removeEverything, startSimulatedNodes } from '@tiphys/node';
import type { Runtime } from '@tiphys/runtime';
import { type KeyFiles, keptCertificate } from '../certificates/cluster-keys.ts';
import type { KeyedCertificate } from '../certificates/x509.ts';
import type { ClusterConfiguration } from '../configuration.ts';
import { applyAddOns, DNS_USER } from './add-ons.ts';
import {
  dnsAddressOf,
  nodeAddressOf,
  nodeNameOf,
  podCidrOf,
  podNetworkOf,
  prepareNetwork,
  type Stoppable,
  startRealNode,
} from './real-node.ts';

export interface NodesOptions {
  configuration: ClusterConfiguration;
  runtime: Runtime;
  /** Needed for real containers. */
  directory?: string;
  authority: KeyedCertificate;
  keyFiles: KeyFiles;
  client: Client;
  clientOf(user: string, groups?: readonly string[], program?: string): Client;
  onStep(text: string): void;
  onDone(text: string): void;
}

export interface Nodes {
  /** Where images are loaded, when there is a real node. */
  stop(): Promise<void>;
}

const SIMULATOR_USER = 'system:masters-simulator';

async function startSimulated(options: NodesOptions, count: number): Promise<Nodes> {
  const client = options.clientOf(SIMULATOR_USER, ['system:masters'], 'kubelet');
  const simulated = startSimulatedNodes({ client, runtime: options.runtime, count });
  await simulated.ready;
  return { stop: () => simulated.stop() };
}

/** Cluster DNS and its Service: the first node's machine answers for all. */
function startAddOns({ configuration, runtime, client, clientOf }: NodesOptions): Promise<Stoppable>[] {
  const [clusterIp, address, nodeName] = [dnsAddressOf(configuration), nodeAddressOf(configuration), nodeNameOf(configuration)];
  const dnsClient = clientOf(DNS_USER, undefined, 'coredns');
  const dns = startClusterDns({ client: dnsClient, runtime, address, domain: configuration.clusterDomain, clusterIp });
  return [dns, applyAddOns(client, { clusterIp, address, nodeName }).then(() => ({ stop: async () => undefined }))];
}

async function startReal(options: NodesOptions, directory: string): Promise<Nodes> {
  const { configuration, runtime, keyFiles, authority, clientOf, onStep } = options;
  const [name, nodeCidr] = [nodeNameOf(configuration), podCidrOf(configuration)];
  const network = await prepareNetwork(configuration, directory, nodeCidr);
  for (const change of network.changes) runtime.log.info('changed on this machine', { what: change });
  const serving = keptCertificate(runtime, keyFiles, authority, 'kubelet-server', {
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    hosts: [name, nodeAddressOf(configuration), '127.0.0.1', 'localhost'],
    usages: ['server'],
  });
  const real = await startRealNode(
    {
      configuration,
      runtime,
      directory,
      nodeCidr,
      serving,
      authorityPem: authority.certificatePem,
      client: clientOf(`system:node:${name}`, ['system:nodes'], 'kubelet'),
      proxyClient: clientOf('system:kube-proxy', undefined, 'kube-proxy'),
      ...(configuration.machineAddress === undefined ? {} : { machineAddress: configuration.machineAddress }),
      beside: () => startAddOns(options),
      onStep,
    },
    network,
  );
  return { stop: () => real.stop() };
}

/** Resolves when every node is registered. */
export async function startNodes(options: NodesOptions): Promise<Nodes> {
  const { configuration, directory } = options;
  const isReal = configuration.runtime === 'containerd' && directory !== undefined;
  const simulatedCount = configuration.runtime === 'none' ? 0 : configuration.nodes - (isReal ? 1 : 0);
  const parts: Nodes[] = [];
  if (isReal && configuration.nodes > 0) parts.push(await startReal(options, directory));
  if (simulatedCount > 0) parts.push(await startSimulated(options, simulatedCount));
  return { stop: async () => void (await Promise.all(parts.map((part) => part.stop()))) };
}

/** Whether a real node of an earlier start is still there: it was killed, and its containers may run. */
export function hasRealNode(configuration: Pick<ClusterConfiguration, 'podCidr'>, directory: string): Promise<boolean> {
  return hasPodNetwork(podNetworkOf(configuration, directory));
}

/** Ends containers and takes away everything the real node made outside its folder. May be called when nothing is there. */
export async function removeRealNode(configuration: Pick<ClusterConfiguration, 'podCidr'>, directory: string): Promise<void> {
  await removeEverything({ directory });
  // Another cluster's network is not ours to remove, nor are its services.
  if (await removePodNetwork(podNetworkOf(configuration, directory))) await Promise.all([removeServiceTable(), removeRoutes()]);
}
