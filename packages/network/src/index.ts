export {
  type ClusterDns,
  type ClusterDnsOptions,
  DNS_PORT,
  type DnsObjectsOptions,
  dnsObjects,
  startClusterDns,
} from './dns/cluster-dns.ts';
export { removeServiceTable, type ServiceProxy, type ServiceProxyOptions, startServiceProxy } from './proxy/service-proxy.ts';
export { inNamespace, type RunProgram, runProgram } from './run-program.ts';
