// The records of one service, by the Kubernetes DNS-Based Service Discovery specification 1.1.0, with CoreDNS's choices
// where the specification leaves one (plugin/kubernetes of CoreDNS).
import { isIPv4 } from 'node:net';
import { type EndpointSlice, keyOf, type Service } from '../kinds.ts';
import type { DnsWorld } from './world.ts';

export type AddressType = 'A' | 'AAAA';

/** One way to reach a service: an address and, for SRV, the port under which it is published. */
export interface Target {
  /** First label of the target's own name, for headless services. */
  host?: string;
  ip: string;
  portName: string;
  protocol: string;
  port: number;
}

export const isHeadless = (service: Service) => service.spec?.clusterIP === 'None';

/** The endpoint's own label: its hostname, or its address with dashes. */
export function hostLabel(endpoint: { hostname?: string }, ip: string): string {
  return endpoint.hostname ? endpoint.hostname : ip.replaceAll(/[.:]/g, '-');
}

export const addressTypeOf = (ip: string): AddressType => (isIPv4(ip) ? 'A' : 'AAAA');

function endpointTargets(slices: readonly EndpointSlice[], unready: boolean): Target[] {
  const found = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const ports = slice.ports?.length ? slice.ports : [{ name: '', protocol: '', port: 0 }];
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false && !unready) continue;
      for (const ip of endpoint.addresses) {
        for (const port of ports) {
          const host = hostLabel(endpoint, ip);
          const target = { host, ip, portName: port.name ?? '', protocol: (port.protocol ?? 'TCP').toLowerCase(), port: port.port ?? 0 };
          found.set(`${host} ${ip} ${target.portName} ${target.protocol} ${target.port}`, target);
        }
      }
    }
  }
  return [...found.values()];
}

/** Addresses and ports behind a service's own name. */
export function serviceTargets(service: Service, world: DnsWorld): Target[] {
  if (isHeadless(service)) return namedTargets(service, world);
  const spec = service.spec;
  const ips = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''];
  return ips.filter(Boolean).flatMap((ip) =>
    (spec?.ports ?? []).map((port) => ({
      ip,
      portName: port.name ?? '',
      protocol: (port.protocol ?? 'TCP').toLowerCase(),
      port: port.port,
    })),
  );
}

/** Addresses and ports of the single endpoints of a service. */
export function namedTargets(service: Service, world: DnsWorld): Target[] {
  const [namespace, name] = keyOf(service).split('/') as [string, string];
  return endpointTargets(world.slices(namespace, name), service.spec?.publishNotReadyAddresses ?? false);
}

/** Names that an address points back to: the service that has it, or endpoints of headless services. */
export function namesAt(ip: string, world: DnsWorld): string[] {
  const own = world.servicesAt(ip).map((service) => serviceName(service, world));
  if (own.length > 0) return own;
  const names = world.slicesAt(ip).flatMap((slice) => {
    const namespace = slice.metadata?.namespace ?? '';
    const service = world.service(namespace, slice.metadata?.labels?.['kubernetes.io/service-name'] ?? '');
    if (!service || !isHeadless(service)) return [];
    return namedTargets(service, world)
      .filter((target) => target.ip === ip)
      .map((target) => `${target.host}.${serviceName(service, world)}`);
  });
  return [...new Set(names)];
}

export function serviceName(service: Service, world: DnsWorld): string {
  return `${service.metadata?.name}.${service.metadata?.namespace}.svc.${world.domain}`;
}
