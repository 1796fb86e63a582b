// What the proxy needs to know of one port of one service, and of the endpoints behind it, in one address family.
// Follows pkg/proxy/serviceport.go and pkg/proxy/endpointslicecache.go.
import { isIPv4, isIPv6 } from 'node:net';
import { type EndpointSlice, HEADLESS_LABEL, keyOf, SERVICE_PROXY_NAME_LABEL, type Service } from '../kinds.ts';

export type Family = 4 | 6;

export interface ProxyPort {
  /** `namespace/name`. */
  service: string;
  portName: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  clusterIp: string;
  port: number;
  /** 0 when there is none. */
  nodePort: number;
  externalIps: string[];
  loadBalancerIps: string[];
  sourceRanges: string[];
  /** 0 without session affinity. */
  affinitySeconds: number;
  internalLocal: boolean;
  externalLocal: boolean;
}

export interface ProxyEndpoint {
  ip: string;
  port: number;
  local: boolean;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  zoneHints: string[];
  nodeHints: string[];
}

const AFFINITY_SECONDS_DEFAULT = 10_800;
const PROTOCOLS: Record<string, ProxyPort['protocol']> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

const ofFamily = (family: Family) => (ip: string) => (family === 4 ? isIPv4(ip) : isIPv6(ip));

/** Services that no proxy handles: headless ones, external names, and those that name another proxy. */
export function isProxied(service: Service): boolean {
  const { spec, metadata } = service;
  if (!spec || spec.type === 'ExternalName') return false;
  if (!spec.clusterIP || spec.clusterIP === 'None') return false;
  const labels = metadata?.labels ?? {};
  return labels[SERVICE_PROXY_NAME_LABEL] === undefined && labels[HEADLESS_LABEL] === undefined;
}

function clusterIpOf(service: Service, family: Family): string | undefined {
  const all = service.spec?.clusterIPs?.length ? service.spec.clusterIPs : [service.spec?.clusterIP ?? ''];
  return all.find(ofFamily(family));
}

function sourceRangesOf(service: Service, family: Family): string[] {
  const ranges = (service.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
  const own = ranges.filter((range) => ofFamily(family)(range.split('/')[0]!));
  return own.some((range) => range.endsWith('/0')) ? [] : own;
}

/** The proxied ports of a service; none when it isn't proxied in this family. */
export function proxyPorts(service: Service, family: Family): ProxyPort[] {
  if (!isProxied(service)) return [];
  const clusterIp = clusterIpOf(service, family);
  if (!clusterIp) return [];
  const spec = service.spec!;
  const mine = ofFamily(family);
  const takesExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs?.length ?? 0) > 0;
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = PROTOCOLS[port.protocol ?? 'TCP'];
    if (!protocol) return [];
    return {
      service: keyOf(service),
      portName: port.name ?? '',
      protocol,
      clusterIp,
      port: port.port,
      nodePort: port.nodePort ?? 0,
      externalIps: (spec.externalIPs ?? []).filter(mine),
      loadBalancerIps: ingress.flatMap((entry) => (entry.ip && mine(entry.ip) && (entry.ipMode ?? 'VIP') === 'VIP' ? [entry.ip] : [])),
      sourceRanges: sourceRangesOf(service, family),
      affinitySeconds:
        spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT) : 0,
      internalLocal: spec.internalTrafficPolicy === 'Local',
      externalLocal: takesExternal && spec.externalTrafficPolicy === 'Local',
    };
  });
}

/** The endpoints of one port over all slices of its service, each address once, in a steady order. */
export function endpointsOf(port: ProxyPort, slices: readonly EndpointSlice[], nodeName: string, family: Family): ProxyEndpoint[] {
  const found = new Map<string, ProxyEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== (family === 4 ? 'IPv4' : 'IPv6')) continue;
    for (const slicePort of slice.ports ?? []) {
      if ((slicePort.name ?? '') !== port.portName || PROTOCOLS[slicePort.protocol ?? 'TCP'] !== port.protocol || !slicePort.port) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const ip = endpoint.addresses[0];
        if (!ip) continue;
        const key = `${ip} . ${slicePort.port}`;
        const terminating = endpoint.conditions?.terminating ?? false;
        // A new pod may have the address of one that is still terminating: the living one counts.
        if (found.has(key) && terminating) continue;
        found.set(key, {
          ip,
          port: slicePort.port,
          local: endpoint.nodeName !== undefined && endpoint.nodeName === nodeName,
          ready: endpoint.conditions?.ready ?? true,
          serving: endpoint.conditions?.serving ?? true,
          terminating,
          zoneHints: (endpoint.hints?.forZones ?? []).map((hint) => hint.name),
          nodeHints: (endpoint.hints?.forNodes ?? []).map((hint) => hint.name),
        });
      }
    }
  }
  return [...found.entries()].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((entry) => entry[1]);
}
