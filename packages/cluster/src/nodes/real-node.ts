// A node with real containers on this machine: pod network, kubelet, its HTTPS server, service proxy and cluster DNS.
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Client } from '@tiphys/client';
import {
  NetworkInUseError,
  type PodNetwork,
  type PodNetworkOptions,
  preparePodNetwork,
  startClusterDns,
  startHostPorts,
  startServiceProxy,
} from '@tiphys/network';
import { type Node, parseThresholds, startNode, startStreamServer } from '@tiphys/node';
import type { Runtime } from '@tiphys/runtime';
import { addressAt, subnetAt } from '../addresses.ts';
import { type KeyFiles, keptCertificate } from '../certificates/cluster-keys.ts';
import type { KeyedCertificate } from '../certificates/x509.ts';
import { type ClusterConfiguration, ConfigurationError } from '../configuration.ts';
import { portRefused } from '../port-refused.ts';
import { applyAddOns, DNS_USER } from './add-ons.ts';
import { streamHost } from './stream-host.ts';

/** A /24 for each node, as the node IPAM controller's default mask. */
const NODE_PREFIX_LENGTH = 24;
const DNS_INDEX = 10;

export interface RealNodeOptions {
  configuration: ClusterConfiguration;
  runtime: Runtime;
  /** Where the node keeps everything it has. */
  directory: string;
  authority: KeyedCertificate;
  keyFiles: KeyFiles;
  /** Administrator, for the add-ons. */
  client: Client;
  clientOf(user: string, groups?: readonly string[], program?: string): Client;
  onStep(text: string): void;
}

export interface RealNode {
  node: Node;
  stop(): Promise<void>;
}

export const nodeNameOf = (configuration: ClusterConfiguration): string => configuration.nodeName ?? hostname().toLowerCase();
export const podCidrOf = (configuration: Pick<ClusterConfiguration, 'podCidr'>): string =>
  subnetAt(configuration.podCidr, NODE_PREFIX_LENGTH, 0);
/** The node's own address: the pod bridge's, which is there on every machine and never changes. */
export const nodeAddressOf = (configuration: ClusterConfiguration): string => addressAt(podCidrOf(configuration), 1);
export const dnsAddressOf = (configuration: ClusterConfiguration): string => addressAt(configuration.serviceCidr, DNS_INDEX);

/** `directory` is the node's own folder in the data folder, by which people know the cluster. */
export const podNetworkOf = (configuration: Pick<ClusterConfiguration, 'podCidr'>, directory: string): PodNetworkOptions => ({
  directory,
  owner: dirname(directory),
  podCidr: podCidrOf(configuration),
  clusterCidr: configuration.podCidr,
});

/** Refuses what the node could not carry out, before anything is made. */
function checkEviction({ evictionHard = '' }: ClusterConfiguration): void {
  try {
    parseThresholds(evictionHard);
  } catch (error) {
    throw new ConfigurationError(`evictionHard: ${(error as Error).message}`, { cause: error });
  }
}

/** Makes the bridge and everything below it; the API server may be told of the node's address afterwards. */
export function prepareNetwork(configuration: ClusterConfiguration, directory: string): Promise<PodNetwork> {
  checkEviction(configuration);
  return preparePodNetwork(podNetworkOf(configuration, directory)).catch((error) => {
    throw error instanceof NetworkInUseError ? new ConfigurationError(error.message, { cause: error }) : error;
  });
}

async function startStreams(options: RealNodeOptions, started: () => Node | undefined, client: Client) {
  const { configuration, runtime, authority, keyFiles } = options;
  const name = nodeNameOf(configuration);
  const certificate = keptCertificate(runtime, keyFiles, authority, 'kubelet-server', {
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    hosts: [name, nodeAddressOf(configuration), '127.0.0.1', 'localhost'],
    usages: ['server'],
  });
  return startStreamServer({
    runtime,
    nodeName: name,
    client,
    host: streamHost(started, name, client),
    port: configuration.kubeletPort,
    tls: { key: certificate.privateKeyPem, cert: certificate.certificatePem, clientCa: authority.certificatePem },
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

interface Stoppable {
  stop(): Promise<void>;
}

async function startParts(options: RealNodeOptions, address: string, port: number, nodeClient: Client) {
  const { configuration, runtime, directory, clientOf } = options;
  const name = nodeNameOf(configuration);
  const clusterIp = dnsAddressOf(configuration);
  const domain = configuration.clusterDomain;
  const podCidr = podCidrOf(configuration);
  const registries = configuration.registryConfigurationDirectory;
  const serviceCidrs = [configuration.serviceCidr];
  return startAll(
    startNode({
      client: nodeClient,
      runtime,
      name,
      directory,
      address,
      port,
      clusterDns: [clusterIp],
      clusterDomain: domain,
      podCidr,
      ...(configuration.evictionHard === undefined ? {} : { evictionHard: configuration.evictionHard }),
      ...(registries ? { registryConfigurationDirectory: resolve(registries) } : {}),
    }),
    startServiceProxy({
      client: clientOf('system:kube-proxy', undefined, 'kube-proxy'),
      runtime,
      nodeName: name,
      nodeIp: address,
      podCidrs: [configuration.podCidr],
      serviceCidrs,
    }),
    startClusterDns({ client: clientOf(DNS_USER, undefined, 'coredns'), runtime, address, domain, clusterIp }),
    applyAddOns(options.client, { clusterIp, address, nodeName: name }).then(() => ({ stop: async () => undefined })),
  );
}

/** Resolves when the node is registered, its services are programmed and DNS answers. After an error nothing of it runs. */
export async function startRealNode(options: RealNodeOptions, network: PodNetwork): Promise<RealNode> {
  const { configuration, runtime, clientOf } = options;
  const name = nodeNameOf(configuration);
  const nodeClient = clientOf(`system:node:${name}`, ['system:nodes'], 'kubelet');
  options.onStep('Starting containerd, the node, service proxy and DNS');
  let started: Node | undefined;
  const streams = await startStreams(options, () => started, nodeClient);
  try {
    const [node, proxy, dns] = await startParts(options, nodeAddressOf(configuration), streams.port, nodeClient);
    started = node;
    const hostPorts = startHostPorts({ client: nodeClient, runtime, nodeName: name, settings: network });
    const stop = async () => {
      await Promise.all([streams.stop(), hostPorts.stop(), dns.stop(), proxy.stop()]);
      await node.stop();
    };
    return { node, stop };
  } catch (error) {
    await streams.stop();
    throw error;
  }
}
