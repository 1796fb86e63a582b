// What DNS answers are made from: a read-only view of services, their slices and the namespaces, kept by informers.
import { corev1, discoveryv1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { type EndpointSlice, type Service, serviceKeyOf } from '../kinds.ts';

export interface DnsWorld {
  /** Without a final dot, lower case: `cluster.local`. */
  domain: string;
  hasNamespace(namespace: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** Services that have the cluster address. */
  servicesAt(ip: string): readonly Service[];
  /** Slices with an endpoint at the address. */
  slicesAt(ip: string): readonly EndpointSlice[];
}

/** IPv6 addresses have many spellings; the URL parser knows the canonical one. */
export function canonicalIp(ip: string): string {
  if (!ip.includes(':')) return ip;
  const url = URL.parse(`http://[${ip}]/`);
  return url ? url.hostname.slice(1, -1) : ip;
}

export async function watchWorld(client: Client, domain: string): Promise<DnsWorld> {
  const byService = client.informer(discoveryv1.endpointslices);
  const all = client.informer(corev1.services);
  const spaces = client.informer(corev1.namespaces);
  byService.index('service', (slice) => [serviceKeyOf(slice) ?? ''].filter(Boolean));
  byService.index('address', (slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses.map(canonicalIp)));
  all.index('clusterIP', (service) => (service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']).map(canonicalIp));
  await Promise.all([byService.synced(), all.synced(), spaces.synced()]);
  return {
    domain,
    hasNamespace: (namespace) => spaces.get(namespace) !== undefined,
    service: (namespace, name) => all.get(name, namespace),
    slices: (namespace, service) => byService.byIndex('service', `${namespace}/${service}`),
    servicesAt: (ip) => all.byIndex('clusterIP', ip),
    slicesAt: (ip) => byService.byIndex('address', ip),
  };
}
