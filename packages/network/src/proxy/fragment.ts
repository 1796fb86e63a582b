// One service's part of the table, as data: its elements in the shared sets and maps, its chains and its affinity sets.
// Follows syncProxyRules of pkg/proxy/nftables/proxier.go for one service port.
import { createHash } from 'node:crypto';
import type { EndpointSlice, Service } from '../kinds.ts';
import { type Container, ipWord, isFromPod, MASQUERADE_RULE, REJECT_CHAIN, type TableOptions } from './base-rules.ts';
import { endpointsOf, type ProxyEndpoint, type ProxyPort, proxyPorts } from './service-port.ts';
import {
  isExternallyAccessible,
  type NodeTopology,
  type Reachable,
  reachable,
  usesClusterEndpoints,
  usesLocalEndpoints,
} from './topology.ts';

export interface Fragment {
  /** `container|key` → verdict, or '' in a set. */
  elements: Map<string, string>;
  chains: Map<string, string[]>;
  /** Name → timeout in seconds. */
  affinitySets: Map<string, number>;
}

/** nftables allows 255 bytes; upstream keeps names below 240. */
const NAME_LENGTH_MAX = 240;

/** A readable name that starts with a hash, so that cutting it short keeps it unique. */
function hashed(prefix: string, text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();
  return `${prefix}-${hash}-${text.replaceAll(':', '.')}`.slice(0, NAME_LENGTH_MAX);
}

interface Names {
  cluster: string;
  local: string;
  external: string;
  firewall: string;
  endpoint(endpoint: ProxyEndpoint): string;
  affinity(endpoint: ProxyEndpoint): string;
}

function namesOf(port: ProxyPort): Names {
  const base = `${port.service}/${port.protocol}/${port.portName}`;
  const endpointBase = (endpoint: ProxyEndpoint) => `${base}__${endpoint.ip}/${endpoint.port}`;
  return {
    cluster: hashed('service', base),
    local: hashed('local', base),
    external: hashed('external', base),
    firewall: hashed('firewall', base),
    endpoint: (endpoint) => hashed('endpoint', endpointBase(endpoint)),
    // The timeout is part of the name: a set cannot change its own.
    affinity: (endpoint) => hashed('affinity', `${endpointBase(endpoint)}/${port.affinitySeconds}`),
  };
}

const numbered = (items: readonly string[]) => items.map((item, index) => `${index} : ${item}`).join(', ');

/** Rules that spread connections over endpoints, staying with the one a client had when there is affinity. */
function spread(port: ProxyPort, endpoints: readonly ProxyEndpoint[], names: Names, options: TableOptions): string[] {
  const ip = ipWord(options.family);
  if (port.affinitySeconds === 0) {
    const targets = numbered(endpoints.map((endpoint) => `${endpoint.ip} . ${endpoint.port}`));
    return [`meta l4proto ${port.protocol} dnat ${ip} addr . port to numgen random mod ${endpoints.length} map { ${targets} }`];
  }
  return [
    ...endpoints.map((endpoint) => `${ip} saddr @${names.affinity(endpoint)} goto ${names.endpoint(endpoint)}`),
    `numgen random mod ${endpoints.length} vmap { ${numbered(endpoints.map((endpoint) => `goto ${names.endpoint(endpoint)}`))} }`,
  ];
}

function externalRules(port: ProxyPort, found: Reachable, names: Names, options: TableOptions): string[] {
  const rules: string[] = [];
  if (port.externalLocal) {
    // Pods and the node itself come from inside: for them the traffic policy does not hold.
    const inside = found.cluster.length > 0;
    if (inside && options.podCidrs.length > 0) rules.push(`${isFromPod(options)} goto ${names.cluster}`);
    rules.push(`fib saddr type local ${MASQUERADE_RULE}`);
    if (inside) rules.push(`fib saddr type local goto ${names.cluster}`);
    if (found.local.length > 0) rules.push(`goto ${names.local}`);
  } else {
    // The endpoint may be on another node, whose answer must come back through here.
    rules.push(MASQUERADE_RULE);
    if (found.cluster.length > 0) rules.push(`goto ${names.cluster}`);
  }
  return rules;
}

function contains(cidr: string, ip: string): boolean {
  const [base, length] = cidr.split('/');
  const bits = (address: string) =>
    BigInt(
      `0b${address
        .split('.')
        .map((part) => Number(part).toString(2).padStart(8, '0'))
        .join('')}`,
    );
  if (!base?.includes('.') || !ip.includes('.')) return false;
  const shift = 32n - BigInt(length ?? '32');
  return bits(base) >> shift === bits(ip) >> shift;
}

function firewallRule(port: ProxyPort, options: TableOptions): string {
  const sources = [...port.sourceRanges];
  // A request of the node itself to the load balancer's address has that address as its source.
  if (port.sourceRanges.some((cidr) => contains(cidr, options.nodeIp))) sources.push(...port.loadBalancerIps);
  return `${ipWord(options.family)} saddr != { ${sources.join(', ')} } drop`;
}

function addElements(port: ProxyPort, found: Reachable, names: Names, add: (container: Container, key: string, value: string) => void) {
  const hasInternal = port.internalLocal ? found.any && found.local.length > 0 : found.any;
  const hasExternal = port.externalLocal ? found.any && found.local.length > 0 : found.any;
  const refusal = found.any ? 'drop' : `goto ${REJECT_CHAIN}`;
  const at = (ip: string) => `${ip} . ${port.protocol} . ${port.port}`;
  for (const endpoint of found.all) {
    if (endpoint.local) add('hairpin-connections', `${endpoint.ip} . ${endpoint.ip} . ${port.protocol} . ${endpoint.port}`, '');
  }
  add('cluster-ips', port.clusterIp, '');
  if (hasInternal) add('service-ips', at(port.clusterIp), `goto ${port.internalLocal ? names.local : names.cluster}`);
  else add('no-endpoint-services', at(port.clusterIp), refusal);
  for (const ip of [...port.externalIps, ...port.loadBalancerIps]) {
    if (found.any) add('service-ips', at(ip), `goto ${names.external}`);
    if (!hasExternal) add('no-endpoint-services', at(ip), refusal);
  }
  if (port.nodePort !== 0) {
    const key = `${port.protocol} . ${port.nodePort}`;
    if (found.any) add('service-nodeports', key, `goto ${names.external}`);
    if (!hasExternal) add('no-endpoint-nodeports', key, refusal);
  }
  if (port.sourceRanges.length > 0) {
    for (const ip of port.loadBalancerIps) add('firewall-ips', at(ip), `goto ${names.firewall}`);
  }
}

function addPort(fragment: Fragment, port: ProxyPort, endpoints: readonly ProxyEndpoint[], topology: NodeTopology, options: TableOptions) {
  const found = reachable(port, endpoints, topology);
  const names = namesOf(port);
  addElements(port, found, names, (container, key, value) => fragment.elements.set(`${container}|${key}`, value));
  if (found.cluster.length > 0 && usesClusterEndpoints(port))
    fragment.chains.set(names.cluster, spread(port, found.cluster, names, options));
  if (found.local.length > 0 && usesLocalEndpoints(port)) fragment.chains.set(names.local, spread(port, found.local, names, options));
  if (found.any && isExternallyAccessible(port)) fragment.chains.set(names.external, externalRules(port, found, names, options));
  if (port.loadBalancerIps.length > 0 && port.sourceRanges.length > 0) fragment.chains.set(names.firewall, [firewallRule(port, options)]);
  if (port.affinitySeconds === 0) return;
  for (const endpoint of found.all) {
    const host = options.family === 4 ? endpoint.ip : `[${endpoint.ip}]`;
    fragment.affinitySets.set(names.affinity(endpoint), port.affinitySeconds);
    fragment.chains.set(names.endpoint(endpoint), [
      `update @${names.affinity(endpoint)} { ${ipWord(options.family)} saddr }`,
      `meta l4proto ${port.protocol} dnat to ${host}:${endpoint.port}`,
    ]);
  }
}

/** The part of the table that a service and its slices call for; undefined when the proxy has nothing to do with it. */
export function fragmentOf(
  service: Service,
  slices: readonly EndpointSlice[],
  topology: NodeTopology,
  options: TableOptions,
): Fragment | undefined {
  const ports = proxyPorts(service, options.family);
  if (ports.length === 0) return undefined;
  const fragment: Fragment = { elements: new Map(), chains: new Map(), affinitySets: new Map() };
  for (const port of ports) addPort(fragment, port, endpointsOf(port, slices, topology.nodeName, options.family), topology, options);
  return fragment;
}
