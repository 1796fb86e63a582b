export {
  type ClusterDns,
  type ClusterDnsOptions,
  DNS_PORT,
  type DnsObjectsOptions,
  dnsObjects,
  startClusterDns,
} from './dns/cluster-dns.ts';
export {
  type Finding,
  type NetworkFacts,
  type NetworkPlan,
  networkFacts,
  networkFindings,
  PLUGIN_DIRECTORIES,
} from './pod-network/doctor.ts';
export {
  type HostPorts,
  type HostPortsOptions,
  hasPodNetwork,
  NetworkInUseError,
  type PodNetwork,
  preparePodNetwork,
  removePodNetwork,
  startHostPorts,
} from './pod-network/pod-network.ts';
export { MACHINE_ADDRESS, type Routes, type RoutesOptions, removeRoutes, startRoutes } from './pod-network/routes.ts';
export { type PodNetworkOptions, type PodNetworkSettings, podNetworkSettings } from './pod-network/settings.ts';
export { removeServiceTable, type ServiceProxy, type ServiceProxyOptions, startServiceProxy } from './proxy/service-proxy.ts';
export { inNamespace, type RunProgram, runProgram } from './run-program.ts';
