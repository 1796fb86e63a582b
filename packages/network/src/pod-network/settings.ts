// The pod network of one node as data: addresses, the CNI configuration that containerd reads, and the nft table that
// lets pods out. Pure. CNI specification 1.0.0; plugins bridge, host-local, portmap, bandwidth.
import { join } from 'node:path';

export interface PodNetworkOptions {
  /** The data folder; configuration and address leases are kept below it. */
  directory: string;
  /** The folder by which people know the cluster; the bridge is marked with it. Default: directory. */
  owner?: string;
  /** This node's part of the pod addresses, such as 10.244.0.0/24. */
  podCidr: string;
  /** All pods' addresses, such as 10.244.0.0/16. Default: podCidr. */
  clusterCidr?: string;
  /** Default `tiphys0`. */
  bridge?: string;
  /** Default `tiphys-pods`. */
  table?: string;
}

export interface PodNetworkSettings {
  bridge: string;
  table: string;
  podCidr: string;
  clusterCidr: string;
  /** The bridge's own address: the pods' gateway, and where cluster DNS listens. */
  gateway: string;
  prefixLength: number;
  /** Fixed, so that the pods' neighbour tables stay right when the bridge gains and loses ports. */
  hardwareAddress: string;
  /** For containerd's `conf_dir`. */
  configurationDirectory: string;
  configurationFile: string;
  leaseDirectory: string;
  /** What kernel settings were before we changed them. */
  previousFile: string;
}

/** Pod MTU follows the bridge, whose default is right for a single machine. */
const CNI_VERSION = '1.0.0';
const NETWORK_NAME = 'tiphys';

/** The first address of the range. */
function firstAddress(cidr: string): { ip: string; prefixLength: number } {
  const [base, length] = cidr.split('/') as [string, string];
  const value = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  const first = value - (value % size) + 1;
  return { ip: [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.'), prefixLength: Number(length) };
}

export function podNetworkSettings(options: PodNetworkOptions): PodNetworkSettings {
  const { ip, prefixLength } = firstAddress(options.podCidr);
  const bytes = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  const configurationDirectory = join(options.directory, 'cni', 'net.d');
  return {
    bridge: options.bridge ?? 'tiphys0',
    table: options.table ?? 'tiphys-pods',
    podCidr: options.podCidr,
    clusterCidr: options.clusterCidr ?? options.podCidr,
    gateway: ip,
    prefixLength,
    hardwareAddress: `0a:58:${bytes.join(':')}`,
    configurationDirectory,
    configurationFile: join(configurationDirectory, '10-tiphys.conflist'),
    leaseDirectory: join(options.directory, 'cni', 'leases'),
    previousFile: join(options.directory, 'cni', 'kernel-settings-before.json'),
  };
}

/** The configuration list for CNI. Pods reach each other over the bridge, and themselves through a service by hairpin. */
export function cniConfiguration(settings: PodNetworkSettings): object {
  return {
    cniVersion: CNI_VERSION,
    name: NETWORK_NAME,
    plugins: [
      {
        type: 'bridge',
        bridge: settings.bridge,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: settings.leaseDirectory,
          ranges: [[{ subnet: settings.podCidr, gateway: settings.gateway }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  };
}

export interface KernelSetting {
  key: string;
  value: string;
  why: string;
}

export function kernelSettings(bridge: string): KernelSetting[] {
  return [
    { key: 'net.ipv4.ip_forward', value: '1', why: 'packets of pods pass through this machine' },
    {
      key: 'net.bridge.bridge-nf-call-iptables',
      value: '1',
      why: 'the answer of a pod to its neighbour must pass the rules that changed the question',
    },
    { key: `net.ipv4.conf.${bridge}.route_localnet`, value: '1', why: 'host ports answer on 127.0.0.1 too' },
  ];
}
