// The cluster's DNS server as a part of the program, and the objects that make it known as the Service kube-dns.
import type { KubeObject } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import type { EndpointSlice, Service } from '../kinds.ts';
import { forwarder } from './forward.ts';
import { type DnsServer, serveDns } from './server.ts';
import { watchWorld } from './world.ts';

export interface ClusterDnsOptions {
  client: Client;
  runtime: Runtime;
  /** Where to listen: an address of the node that pods reach, such as the pod bridge's. */
  address: string;
  /** Default 53; 0 takes a free one. */
  port?: number;
  /** Default `cluster.local`. */
  domain?: string;
  /** Default `/etc/resolv.conf`. */
  resolvConf?: string;
  /** The Service's address: a resolver of that address would be ourselves. */
  clusterIp?: string;
}

export interface ClusterDns {
  address: string;
  port: number;
  stop(): Promise<void>;
}

export const DNS_PORT = 53;
const LISTEN_ATTEMPTS_MAX = 60;
const LISTEN_RETRY_MS = 500;

/** Resolves when questions are answered. Waits a while for an address that the machine doesn't have yet. */
export async function startClusterDns(options: ClusterDnsOptions): Promise<ClusterDns> {
  const runtime = { ...options.runtime, log: options.runtime.log.named('dns') };
  const exclude = [options.address, ...(options.clusterIp ? [options.clusterIp] : [])];
  const world = await watchWorld(options.client, (options.domain ?? 'cluster.local').toLowerCase());
  const serverOptions = {
    runtime,
    world,
    forwarder: forwarder({ runtime, resolvConf: options.resolvConf ?? '/etc/resolv.conf', exclude }),
    address: options.address,
    port: options.port ?? DNS_PORT,
  };
  const server = await listening(() => serveDns(serverOptions), runtime);
  runtime.log.info('serving cluster DNS', { address: options.address, port: server.port, domain: world.domain });
  return { address: options.address, port: server.port, stop: () => server.close() };
}

async function listening(listen: () => Promise<DnsServer>, runtime: Runtime): Promise<DnsServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listen();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL' || attempt >= LISTEN_ATTEMPTS_MAX) throw error;
      await runtime.clock.sleep(LISTEN_RETRY_MS);
    }
  }
}

export interface DnsObjectsOptions {
  /** The Service's address, such as 10.96.0.10. */
  clusterIp: string;
  /** Where the server listens. */
  address: string;
  port?: number;
  nodeName?: string;
}

/** Service and EndpointSlice `kube-system/kube-dns`, to be created or applied. The Service has no selector: nobody else manages its slice. */
export function dnsObjects(options: DnsObjectsOptions): { service: Service & KubeObject; endpointSlice: EndpointSlice & KubeObject } {
  const port = options.port ?? DNS_PORT;
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' };
  const family = options.address.includes(':') ? 'IPv6' : 'IPv4';
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { ...labels, 'kubernetes.io/cluster-service': 'true' } },
      spec: {
        type: 'ClusterIP',
        clusterIP: options.clusterIp,
        clusterIPs: [options.clusterIp],
        ports: [
          { name: 'dns', port: DNS_PORT, protocol: 'UDP', targetPort: port },
          { name: 'dns-tcp', port: DNS_PORT, protocol: 'TCP', targetPort: port },
        ],
      },
    },
    endpointSlice: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { ...labels, 'kubernetes.io/service-name': 'kube-dns', 'endpointslice.kubernetes.io/managed-by': 'tiphys' },
      },
      addressType: family,
      endpoints: [
        {
          addresses: [options.address],
          conditions: { ready: true, serving: true, terminating: false },
          ...(options.nodeName ? { nodeName: options.nodeName } : {}),
        },
      ],
      ports: [
        { name: 'dns', port, protocol: 'UDP' },
        { name: 'dns-tcp', port, protocol: 'TCP' },
      ],
    },
  };
}
