// A node with real containers on this machine: pod network, kubelet, its HTTPS server, service proxy and routes to other machines.
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Client } from '@tiphys/client';
import {
  MACHINE_ADDRESS,
  NetworkInUseError,
  type PodNetwork,
  type PodNetworkOptions,
  preparePodNetwork,
  startHostPorts,
  startRoutes,
  startServiceProxy,
} from '@tiphys/network';
import { type Node, parseThresholds, startNode, startStreamServer } from '@tiphys/node';
import type { Runtime } from '@tiphys/runtime';
import { addressAt, subnetAt } from '../addresses.ts';
import type { KeyedCertificate } from '../certificates/x509.ts';
import { type ClusterConfiguration, ConfigurationError, NODE_PREFIX_LENGTH } from '../configuration.ts';
import { portRefused } from '../port-refused.ts';
import { streamHost } from './stream-host.ts';

const DNS_INDEX = 10;

/** What a node's machine decides, and what its cluster does. */
export type NodeConfiguration = Pick<
  ClusterConfiguration,
  'nodeName' | 'kubeletPort' | 'podCidr' | 'serviceCidr' | 'clusterDomain' | 'evictionHard' | 'registryConfigurationDirectory'
>;

export interface RealNodeOptions {
  configuration: NodeConfiguration;
  runtime: Runtime;
  /** Where the node keeps everything it has. */
  directory: string;
  /** The node's part of the cluster's pod range. */
  nodeCidr: string;
  /** How the node's HTTPS server shows itself, and whose clients it believes. */
  serving: KeyedCertificate;
  authorityPem: string;
  /** The kubelet's. */
  client: Client;
  /** Of the service proxy and of the routes to other machines. */
  proxyClient: Client;
  /** At which other machines reach this one. */
  machineAddress?: string;
  /** What else starts side by side with the node's own parts. */
  beside?: () => Promise<Stoppable>[];
  onStep(text: string): void;
}

export interface RealNode {
  node: Node;
  stop(): Promise<void>;
}

export const nodeNameOf = (configuration: Pick<ClusterConfiguration, 'nodeName'>): string =>
  configuration.nodeName ?? hostname().toLowerCase();
/** The first node's part of the cluster's pod range. */
export const podCidrOf = (configuration: Pick<ClusterConfiguration, 'podCidr'>): string =>
  subnetAt(configuration.podCidr, NODE_PREFIX_LENGTH, 0);
/** A node's own address: its pod bridge's, which is there on every machine and never changes. */
export const addressOfNode = (nodeCidr: string): string => addressAt(nodeCidr, 1);
export const nodeAddressOf = (configuration: Pick<ClusterConfiguration, 'podCidr'>): string => addressOfNode(podCidrOf(configuration));
export const dnsAddressOf = (configuration: Pick<ClusterConfiguration, 'serviceCidr'>): string =>
  addressAt(configuration.serviceCidr, DNS_INDEX);

/** `directory` is the node's own folder in the data folder, by which people know the cluster. */
export const podNetworkOf = (
  configuration: Pick<ClusterConfiguration, 'podCidr'>,
  directory: string,
  nodeCidr = podCidrOf(configuration),
): PodNetworkOptions => ({ directory, owner: dirname(directory), podCidr: nodeCidr, clusterCidr: configuration.podCidr });

/** Refuses what the node could not carry out, before anything is made. */
function checkEviction({ evictionHard = '' }: NodeConfiguration): void {
  try {
    parseThresholds(evictionHard);
  } catch (error) {
    throw new ConfigurationError(`evictionHard: ${(error as Error).message}`, { cause: error });
  }
}

/** Makes the bridge and everything below it; the API server may be told of the node's address afterwards. */
export function prepareNetwork(configuration: NodeConfiguration, directory: string, nodeCidr: string): Promise<PodNetwork> {
  checkEviction(configuration);
  return preparePodNetwork(podNetworkOf(configuration, directory, nodeCidr)).catch((error) => {
    throw error instanceof NetworkInUseError ? new ConfigurationError(error.message, { cause: error }) : error;
  });
}

async function startStreams(options: RealNodeOptions, started: () => Node | undefined) {
  const { configuration, runtime, serving, authorityPem, client } = options;
  const name = nodeNameOf(configuration);
  return startStreamServer({
    runtime,
    nodeName: name,
    client,
    host: streamHost(started, name, client),
    port: configuration.kubeletPort,
    tls: { key: serving.privateKeyPem, cert: serving.certificatePem, clientCa: authorityPem },
  }).catch((error) => {
    throw portRefused(error, configuration.kubeletPort, 'set another kubeletPort in the file that --config names (0 takes a free one)');
  });
}

/** Starts what is given side by side. When one fails, the others are stopped, so that nothing runs on behind an error. */
async function startAll<T extends readonly (Stoppable | Promise<Stoppable>)[]>(
  ...parts: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(parts);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await Promise.allSettled(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.stop()] : [])));
    throw failed.reason;
  }
  return results.map((result) => (result as PromiseFulfilledResult<Stoppable>).value) as never;
}

export interface Stoppable {
  stop(): Promise<void>;
}

function startRouting({ configuration, runtime, proxyClient, machineAddress }: RealNodeOptions): Promise<Stoppable>[] {
  if (machineAddress === undefined) return [];
  const nodeName = nodeNameOf(configuration);
  return [startRoutes({ client: proxyClient, runtime, nodeName, machineAddress, clusterCidr: configuration.podCidr })];
}

async function startParts(options: RealNodeOptions, port: number) {
  const { configuration, runtime, directory, nodeCidr, client, proxyClient, machineAddress, beside } = options;
  const name = nodeNameOf(configuration);
  const address = addressOfNode(nodeCidr);
  const registries = configuration.registryConfigurationDirectory;
  return startAll(
    startNode({
      client,
      runtime,
      name,
      directory,
      address,
      port,
      clusterDns: [dnsAddressOf(configuration)],
      clusterDomain: configuration.clusterDomain,
      podCidr: nodeCidr,
      ...(machineAddress === undefined ? {} : { annotations: { [MACHINE_ADDRESS]: machineAddress } }),
      ...(configuration.evictionHard === undefined ? {} : { evictionHard: configuration.evictionHard }),
      ...(registries ? { registryConfigurationDirectory: resolve(registries) } : {}),
    }),
    startServiceProxy({
      client: proxyClient,
      runtime,
      nodeName: name,
      nodeIp: address,
      podCidrs: [configuration.podCidr],
      serviceCidrs: [configuration.serviceCidr],
    }),
    ...startRouting(options),
    ...(beside?.() ?? []),
  );
}

/** Resolves when the node is registered and its services are programmed. After an error nothing of it runs. */
export async function startRealNode(options: RealNodeOptions, network: PodNetwork): Promise<RealNode> {
  const { configuration, runtime, client } = options;
  options.onStep('Starting containerd, the node and its network');
  let started: Node | undefined;
  const streams = await startStreams(options, () => started);
  try {
    const [node, ...others] = await startParts(options, streams.port);
    started = node;
    const hostPorts = startHostPorts({ client, runtime, nodeName: nodeNameOf(configuration), settings: network });
    const stop = async () => {
      await Promise.all([streams, hostPorts, ...others].map((part) => part.stop()));
      await node.stop();
    };
    return { node, stop };
  } catch (error) {
    await streams.stop();
    throw error;
  }
}
