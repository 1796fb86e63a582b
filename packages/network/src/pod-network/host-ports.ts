// The node's table for pods: traffic that leaves the pods' addresses gets the node's, and host ports lead to their pods.
// The text is made whole for each change: a node has few host ports.
import type { corev1 } from '@tiphys/api';
import { hostPortsOf as portsOf } from '@tiphys/machinery';
import type { PodNetworkSettings } from './settings.ts';

type Pod = corev1.Pod;

export interface HostPort {
  /** '' for every address of the node. */
  hostIp: string;
  protocol: string;
  hostPort: number;
  podIp: string;
  containerPort: number;
}

const isOver = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** The host ports of running pods, each once, in a steady order. */
export function hostPortsOf(pods: readonly Pod[]): HostPort[] {
  const found = new Map<string, HostPort>();
  for (const pod of pods) {
    const podIp = pod.status?.podIP;
    if (!podIp?.includes('.') || pod.spec!.hostNetwork || isOver(pod)) continue;
    for (const { ip, protocol: upper, port, containerPort } of portsOf(pod.spec!)) {
      const hostIp = ip === '0.0.0.0' ? '' : ip;
      if (hostIp.includes(':')) continue;
      const protocol = upper.toLowerCase();
      found.set(`${hostIp} ${protocol} ${port}`, { hostIp, protocol, hostPort: port, podIp, containerPort });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map((entry) => entry[1]);
}

function hostPortRules(table: string, ports: readonly HostPort[]): string[] {
  return ports.map(({ hostIp, protocol, hostPort, podIp, containerPort }) => {
    const where = hostIp === '' ? 'fib daddr type local' : `ip daddr ${hostIp}`;
    return `add rule ${table} host-ports ${where} ${protocol} dport ${hostPort} dnat to ${podIp}:${containerPort}`;
  });
}

/** Replaces the table in one transaction, so that there is never a moment without it. */
export function podTable(settings: PodNetworkSettings, ports: readonly HostPort[]): string {
  const table = `ip ${settings.table}`;
  const own = [...new Set(ports.map((port) => port.podIp))];
  const lines = [
    ...podTableRemoval(settings.table),
    `add table ${table} { comment "pod network" ; }`,
    `add chain ${table} host-ports`,
    `add chain ${table} guard { type filter hook prerouting priority -300 ; }`,
    `add chain ${table} prerouting { type nat hook prerouting priority -105 ; }`,
    `add chain ${table} output { type nat hook output priority -105 ; }`,
    `add chain ${table} postrouting { type nat hook postrouting priority 105 ; }`,
    // The bridge routes loopback addresses for the sake of host ports: pods must not reach the node's loopback by it.
    `add rule ${table} guard iifname "${settings.bridge}" ip daddr 127.0.0.0/8 drop`,
    `add rule ${table} prerouting jump host-ports`,
    `add rule ${table} output jump host-ports`,
    // From the node by loopback, or from a pod to its own host port: the answer must come back through here.
    `add rule ${table} postrouting ip saddr 127.0.0.0/8 oifname "${settings.bridge}" masquerade fully-random`,
    ...own.map((ip) => `add rule ${table} postrouting ct status dnat ip saddr ${ip} ip daddr ${ip} masquerade fully-random`),
    `add rule ${table} postrouting ip saddr ${settings.podCidr} ip daddr != { ${settings.clusterCidr}, 224.0.0.0/4 } masquerade fully-random`,
    ...hostPortRules(table, ports),
  ];
  return `${lines.join('\n')}\n`;
}

export function podTableRemoval(table: string): string[] {
  return [`add table ip ${table}`, `delete table ip ${table}`];
}
