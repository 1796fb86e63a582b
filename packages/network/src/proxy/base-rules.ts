// The fixed part of the table: base chains, the verdict maps that services fill, and the jumps between them.
// Follows setupNFTables of pkg/proxy/nftables/proxier.go, with the same hooks, priorities and order of decisions.
import type { Family } from './service-port.ts';

export interface TableOptions {
  /** Name of the table; everything the proxy makes is inside. */
  table: string;
  family: Family;
  /** Addresses of pods, which reach cluster addresses unmasqueraded. Empty: pod and other traffic are not told apart. */
  podCidrs: readonly string[];
  /** Packets to addresses in these that belong to no service are dropped instead of leaving the machine. */
  serviceCidrs: readonly string[];
  /** The node's own address, for load balancer source ranges. */
  nodeIp: string;
}

export const MASQUERADE_MARK = '0x00004000';
export const MASQUERADE_RULE = `mark set mark or ${MASQUERADE_MARK}`;
export const REJECT_CHAIN = 'reject-chain';

/** The sets and maps that hold one element per service address, port or endpoint. */
export type Container =
  | 'cluster-ips'
  | 'service-ips'
  | 'service-nodeports'
  | 'no-endpoint-services'
  | 'no-endpoint-nodeports'
  | 'firewall-ips'
  | 'hairpin-connections';

export const ipWord = (family: Family) => (family === 4 ? 'ip' : 'ip6');
export const addressType = (family: Family) => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');
export const tableName = (options: TableOptions) => `${ipWord(options.family)} ${options.table}`;

export const isFromPod = (options: TableOptions) => `${ipWord(options.family)} saddr { ${options.podCidrs.join(', ')} }`;
const isNotFromPod = (options: TableOptions) => `${ipWord(options.family)} saddr != { ${options.podCidrs.join(', ')} }`;

function containers(family: Family): [Container, 'set' | 'map', string][] {
  const address = addressType(family);
  return [
    ['cluster-ips', 'set', address],
    ['hairpin-connections', 'set', `${address} . ${address} . inet_proto . inet_service`],
    ['service-ips', 'map', `${address} . inet_proto . inet_service : verdict`],
    ['service-nodeports', 'map', 'inet_proto . inet_service : verdict'],
    ['no-endpoint-services', 'map', `${address} . inet_proto . inet_service : verdict`],
    ['no-endpoint-nodeports', 'map', 'inet_proto . inet_service : verdict'],
    ['firewall-ips', 'map', `${address} . inet_proto . inet_service : verdict`],
  ];
}

const BASE_CHAINS = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', '-110'],
  ['filter-output-pre-dnat', 'filter', 'output', '-110'],
  ['filter-input', 'filter', 'input', '0'],
  ['filter-forward', 'filter', 'forward', '0'],
  ['filter-output', 'filter', 'output', '0'],
  ['nat-prerouting', 'nat', 'prerouting', '-100'],
  ['nat-output', 'nat', 'output', '-100'],
  ['nat-postrouting', 'nat', 'postrouting', '100'],
] as const;

const PLAIN_CHAINS = [
  REJECT_CHAIN,
  'service-endpoints-check',
  'nodeport-endpoints-check',
  'firewall-check',
  'cluster-ips-check',
  'services',
  'masquerading',
];

const JUMPS = [
  ['filter-input', 'ct state new jump nodeport-endpoints-check'],
  ['filter-input', 'ct state new jump service-endpoints-check'],
  ['filter-forward', 'ct state new jump service-endpoints-check'],
  ['filter-output', 'ct state new jump service-endpoints-check'],
  ['filter-prerouting-pre-dnat', 'ct state new jump firewall-check'],
  ['filter-output-pre-dnat', 'ct state new jump firewall-check'],
  ['nat-output', 'jump services'],
  ['nat-prerouting', 'jump services'],
  ['nat-postrouting', 'jump masquerading'],
  ['filter-forward', 'ct state new jump cluster-ips-check'],
  ['filter-output', 'ct state new jump cluster-ips-check'],
] as const;

function fixedRules(options: TableOptions): [string, string][] {
  const ip = ipWord(options.family);
  const destination = `${ip} daddr . meta l4proto . th dport`;
  const notLocalhost = options.family === 4 ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1';
  const rules: [string, string][] = [
    ['masquerading', `mark and ${MASQUERADE_MARK} != 0 mark set mark xor ${MASQUERADE_MARK} masquerade fully-random`],
    ['masquerading', `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`],
    ['cluster-ips-check', `${ip} daddr @cluster-ips reject`],
  ];
  if (options.serviceCidrs.length > 0) rules.push(['cluster-ips-check', `${ip} daddr { ${options.serviceCidrs.join(', ')} } drop`]);
  rules.push(
    [REJECT_CHAIN, 'reject'],
    ['service-endpoints-check', `${destination} vmap @no-endpoint-services`],
    ['nodeport-endpoints-check', `${notLocalhost} meta l4proto . th dport vmap @no-endpoint-nodeports`],
    ['firewall-check', `${destination} vmap @firewall-ips`],
  );
  // Whoever reaches a cluster address from outside the cluster must get the answer through this node.
  if (options.podCidrs.length > 0) rules.push(['services', `${ip} daddr @cluster-ips ${isNotFromPod(options)} ${MASQUERADE_RULE}`]);
  rules.push(
    ['services', `${destination} vmap @service-ips`],
    ['services', `fib daddr type local ${notLocalhost} meta l4proto . th dport vmap @service-nodeports`],
  );
  return rules;
}

/** Commands that replace the table by one without services. Part of one transaction with what follows. */
export function baseCommands(options: TableOptions): string[] {
  const table = tableName(options);
  return [
    ...removalCommands(options),
    `add table ${table} { comment "rules for the service proxy" ; }`,
    ...containers(options.family).map(([name, sort, type]) => `add ${sort} ${table} ${name} { type ${type} ; }`),
    ...PLAIN_CHAINS.map((name) => `add chain ${table} ${name}`),
    ...BASE_CHAINS.map(([name, type, hook, priority]) => `add chain ${table} ${name} { type ${type} hook ${hook} priority ${priority} ; }`),
    ...[...JUMPS, ...fixedRules(options)].map(([chain, rule]) => `add rule ${table} ${chain} ${rule}`),
  ];
}

/** Commands that leave no table, whether there was one or not. */
export function removalCommands(options: Pick<TableOptions, 'table' | 'family'>): string[] {
  const table = `${ipWord(options.family)} ${options.table}`;
  return [`add table ${table}`, `delete table ${table}`];
}
