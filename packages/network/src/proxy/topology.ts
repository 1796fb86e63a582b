// Which endpoints traffic may go to, by traffic policy, readiness and topology hints (pkg/proxy/topology.go).
import type { ProxyEndpoint, ProxyPort } from './service-port.ts';

export interface NodeTopology {
  nodeName: string;
  zone: string;
}

export interface Reachable {
  /** For traffic policy Cluster. */
  cluster: ProxyEndpoint[];
  /** For traffic policy Local. */
  local: ProxyEndpoint[];
  /** The union of both. */
  all: ProxyEndpoint[];
  /** Whether some endpoint is usable on some node, even if none can be reached from this one. */
  any: boolean;
}

export const isExternallyAccessible = (port: ProxyPort) =>
  port.nodePort !== 0 || port.loadBalancerIps.length > 0 || port.externalIps.length > 0;
export const usesClusterEndpoints = (port: ProxyPort) => !port.internalLocal || isExternallyAccessible(port);
export const usesLocalEndpoints = (port: ProxyPort) => port.internalLocal || (port.externalLocal && isExternallyAccessible(port));

const isFallback = (endpoint: ProxyEndpoint) => endpoint.serving && endpoint.terminating;

/** Hints count only when every ready endpoint has one and at least one is meant for here. */
function hinted(ready: readonly ProxyEndpoint[], topology: NodeTopology): readonly ProxyEndpoint[] {
  const forNode = ready.filter((endpoint) => endpoint.nodeHints.includes(topology.nodeName));
  if (forNode.length > 0 && ready.every((endpoint) => endpoint.nodeHints.length > 0)) return forNode;
  const forZone = ready.filter((endpoint) => endpoint.zoneHints.includes(topology.zone));
  if (forZone.length > 0 && ready.every((endpoint) => endpoint.zoneHints.length > 0)) return forZone;
  return ready;
}

/** Ready endpoints, or those that still serve while they terminate when nothing is ready. */
function usable(endpoints: readonly ProxyEndpoint[]): ProxyEndpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter(isFallback);
}

export function reachable(port: ProxyPort, endpoints: readonly ProxyEndpoint[], topology: NodeTopology): Reachable {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  let cluster: ProxyEndpoint[] = [];
  if (usesClusterEndpoints(port)) cluster = ready.length > 0 ? [...hinted(ready, topology)] : endpoints.filter(isFallback);
  const local = usesLocalEndpoints(port) ? usable(endpoints.filter((endpoint) => endpoint.local)) : [];
  return {
    cluster,
    local,
    all: [...cluster, ...local.filter((endpoint) => !cluster.includes(endpoint))],
    any: endpoints.some((endpoint) => endpoint.ready || isFallback(endpoint)),
  };
}
