// The files and names of a pod's network identity: /etc/hosts, host name, DNS (kubelet_pods.go, pkg/kubelet/network/dns). Pure.
import type { corev1 } from '@tiphys/api';
import type { DNSConfig } from '../cri/generated/cri.ts';
import { isHostNetwork } from '../pod-worker/pod-runtime.ts';

const HEADER = '# Kubernetes-managed hosts file.\n';
const HOST_NETWORK_HEADER = '# Kubernetes-managed hosts file (host network).\n';
const NAME_BYTES_MAX = 63;
const KERNEL_NAME_BYTES_MAX = 64;

function aliasLines(aliases: readonly corev1.HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}

export interface PodNames {
  hostname: string;
  /** Empty without a subdomain. */
  domain: string;
}

export function podNames(pod: corev1.Pod, clusterDomain: string): PodNames {
  const spec = pod.spec!;
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  const name = spec.hostname || pod.metadata!.name!;
  const hostname = spec.hostname ? name : name.slice(0, NAME_BYTES_MAX).replace(/[-.]+$/, '');
  const domain = spec.subdomain ? `${spec.subdomain}.${pod.metadata!.namespace}.svc.${clusterDomain}` : '';
  return { hostname, domain };
}

/** What the kernel is told: the full name when the pod asks for it. */
export function kernelHostname(pod: corev1.Pod, names: PodNames): string {
  if (!pod.spec!.setHostnameAsFQDN || !names.domain) return names.hostname;
  const full = `${names.hostname}.${names.domain}`;
  if (full.length > KERNEL_NAME_BYTES_MAX) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${KERNEL_NAME_BYTES_MAX} characters is the max, ${full.length} characters requested)`,
    );
  }
  return full;
}

export function hostsFile(pod: corev1.Pod, names: PodNames, ips: readonly string[], machineHosts: string): string {
  const aliases = aliasLines(pod.spec!.hostAliases ?? []);
  if (isHostNetwork(pod)) return `${HOST_NETWORK_HEADER}${machineHosts}${aliases}`;
  const own = ips.map((ip) =>
    names.domain ? `${ip}\t${names.hostname}.${names.domain}\t${names.hostname}\n` : `${ip}\t${names.hostname}\n`,
  );
  return [
    HEADER,
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    'fe00::0\tip6-localnet\n',
    'fe00::0\tip6-mcastprefix\n',
    'fe00::1\tip6-allnodes\n',
    'fe00::2\tip6-allrouters\n',
    ...own,
    aliases,
  ].join('');
}

export interface DnsSettings {
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The machine's resolv.conf. */
  machine: string;
}

function parseResolvConf(text: string): Required<DNSConfig> {
  const result: Required<DNSConfig> = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0]) result.servers.push(values[0]);
    else if (keyword === 'search') result.searches = values.map((value) => (value === '.' ? value : value.replace(/\.$/, '')));
    else if (keyword === 'options') result.options = values;
  }
  return result;
}

const SERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_BYTES_MAX = 253;
const SEARCH_LINE_BYTES_MAX = 2048;

function merged(config: Required<DNSConfig>, own: corev1.PodDNSConfig | undefined): Required<DNSConfig> {
  const options = new Map(config.options.map((option) => [option.split(':')[0]!, option]));
  for (const { name = '', value } of own?.options ?? []) options.set(name, value ? `${name}:${value}` : name);
  return {
    servers: [...new Set([...config.servers, ...(own?.nameservers ?? [])])],
    searches: [...new Set([...config.searches, ...(own?.searches ?? [])])],
    options: [...options.values()],
  };
}

/** What resolvers can bear of it; a name that is too long makes some of them abort. */
function fitting({ servers, searches, options }: Required<DNSConfig>): Required<DNSConfig> {
  const kept = searches.slice(0, SEARCHES_MAX).filter((name) => name.length <= SEARCH_BYTES_MAX);
  while (kept.join(' ').length > SEARCH_LINE_BYTES_MAX) kept.pop();
  return { servers: servers.slice(0, SERVERS_MAX), searches: kept, options };
}

/** What of the pod's DNS had to be left out. */
export function dnsProblems(pod: corev1.Pod, settings: DnsSettings): string[] {
  const wanted = wantedDns(pod, settings);
  const { servers, searches } = fitting(wanted);
  const omitted = (what: string, which: string, line: string, applied: readonly string[]) =>
    `${what} limits were exceeded, some ${which} have been omitted, the applied ${line} is: ${applied.join(' ')}`;
  return [
    ...(searches.length < wanted.searches.length ? [omitted('Search Line', 'search paths', 'search line', searches)] : []),
    ...(servers.length < wanted.servers.length ? [omitted('Nameserver', 'nameservers', 'nameserver line', servers)] : []),
  ];
}

export const podDns = (pod: corev1.Pod, settings: DnsSettings): Required<DNSConfig> => fitting(wantedDns(pod, settings));

function wantedDns(pod: corev1.Pod, settings: DnsSettings): Required<DNSConfig> {
  const machine = parseResolvConf(settings.machine);
  const { dnsPolicy = 'ClusterFirst', dnsConfig } = pod.spec!;
  const clusterFirst = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !isHostNetwork(pod));
  if (dnsPolicy === 'None') return merged({ servers: [], searches: [], options: [] }, dnsConfig);
  if (!clusterFirst || settings.clusterDns.length === 0) return merged(machine, dnsConfig);
  const { clusterDomain } = settings;
  const searches = [`${pod.metadata!.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...machine.searches];
  return merged({ servers: [...settings.clusterDns], searches, options: ['ndots:5'] }, dnsConfig);
}
