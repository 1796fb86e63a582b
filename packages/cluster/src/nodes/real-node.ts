// A node with real containers on this machine: pod network, kubelet, its HTTPS server, service proxy and cluster DNS.
import { hostname } from 'node:os';
import type { Client } from '@tiphys/client';
import { type PodNetwork, preparePodNetwork, startClusterDns, startHostPorts, startServiceProxy } from '@tiphys/network';
import { type Node, startNode, startStreamServer } from '@tiphys/node';
import type { Runtime } from '@tiphys/runtime';
import { addressAt, subnetAt } from '../addresses.ts';
import { type KeyFiles, keptCertificate } from '../certificates/cluster-keys.ts';
import type { KeyedCertificate } from '../certificates/x509.ts';
import type { ClusterConfiguration } from '../configuration.ts';
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
  clientOf(user: string, groups?: readonly string[]): Client;
  onStep(text: string): void;
}

export interface RealNode {
  node: Node;
  stop(): Promise<void>;
}

export const nodeNameOf = (configuration: ClusterConfiguration): string => configuration.nodeName ?? hostname().toLowerCase();
export const podCidrOf = (configuration: ClusterConfiguration): string => subnetAt(configuration.podCidr, NODE_PREFIX_LENGTH, 0);
/** The node's own address: the pod bridge's, which is there on every machine and never changes. */
export const nodeAddressOf = (configuration: ClusterConfiguration): string => addressAt(podCidrOf(configuration), 1);
export const dnsAddressOf = (configuration: ClusterConfiguration): string => addressAt(configuration.serviceCidr, DNS_INDEX);

/** Makes the bridge and everything below it; the API server may be told of the node's address afterwards. */
export function prepareNetwork(configuration: ClusterConfiguration, directory: string): Promise<PodNetwork> {
  return preparePodNetwork({ directory, podCidr: podCidrOf(configuration), clusterCidr: configuration.podCidr });
}

async function startStreams(options: RealNodeOptions, node: Node, client: Client) {
  const { configuration, runtime, authority, keyFiles } = options;

  const certificate = keptCertificate(runtime, keyFiles, authority, 'kubelet-server', {
    commonName: `system:node:${node.name}`,
    organizations: ['system:nodes'],
    hosts: [node.name, nodeAddressOf(configuration), '127.0.0.1', 'localhost'],
    usages: ['server'],
  });
  return startStreamServer({
    runtime,
    nodeName: node.name,
    client,
    host: streamHost(node, client),
    port: configuration.kubeletPort,
    tls: { key: certificate.privateKeyPem, cert: certificate.certificatePem, clientCa: authority.certificatePem },
  });
}

/** Resolves when the node is registered, its services are programmed and DNS answers. */
export async function startRealNode(options: RealNodeOptions, network: PodNetwork): Promise<RealNode> {
  const { configuration, runtime, directory, clientOf } = options;
  const name = nodeNameOf(configuration);
  const address = nodeAddressOf(configuration);
  const nodeClient = clientOf(`system:node:${name}`, ['system:nodes']);
  const proxyClient = clientOf('system:kube-proxy');
  const clusterIp = dnsAddressOf(configuration);
  options.onStep('Starting containerd, the node, service proxy and DNS');
  const [node, proxy, dns] = await Promise.all([
    startNode({
      client: nodeClient,
      runtime,
      name,
      directory,
      address,
      port: configuration.kubeletPort,
      clusterDns: [clusterIp],
      clusterDomain: configuration.clusterDomain,
      podCidr: podCidrOf(configuration),
    }),
    startServiceProxy({
      client: proxyClient,
      runtime,
      nodeName: name,
      nodeIp: address,
      podCidrs: [configuration.podCidr],
      serviceCidrs: [configuration.serviceCidr],
    }),
    startClusterDns({ client: clientOf(DNS_USER), runtime, address, domain: configuration.clusterDomain, clusterIp }),
    applyAddOns(options.client, { clusterIp, address, nodeName: name }),
  ]);
  const hostPorts = startHostPorts({ client: nodeClient, runtime, nodeName: name, settings: network });
  const streams = await startStreams(options, node, nodeClient);
  const stop = async () => {
    await Promise.all([streams.stop(), hostPorts.stop(), dns.stop(), proxy.stop()]);
    await node.stop();
  };
  return { node, stop };
}
