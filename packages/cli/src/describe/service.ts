// A Service described, with the endpoints behind each port.
import { type corev1, discoveryv1 as discovery, type discoveryv1, pathOf } from '@tiphys/api';
import type { Session } from '../kube/session.ts';
import { writeHead } from './common.ts';
import type { Writer } from './writer.ts';

const SHOWN_MAX = 3;

export function endpointsText(slices: readonly discoveryv1.EndpointSlice[], portName: string): string {
  if (slices.length === 0) return '<none>';
  const all = slices.flatMap(({ ports, endpoints = [] }) => {
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).map(({ addresses }) => addresses[0] ?? '');
    if (!ports || ports.length === 0) return ready;
    const found = ports.filter(({ name = '' }) => name === portName);
    return found.flatMap(({ port }) => ready.map((address) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)));
  });
  const shown = all.slice(0, SHOWN_MAX).join(',');
  return all.length > SHOWN_MAX ? `${shown} + ${all.length - SHOWN_MAX} more...` : shown;
}

function writePort(w: Writer, port: corev1.ServicePort, slices: readonly discoveryv1.EndpointSlice[]): void {
  const name = port.name || '<unset>';
  const protocol = port.protocol ?? 'TCP';
  w.line(0, `Port:\t${name}\t${port.port}/${protocol}`);
  w.line(0, `TargetPort:\t${port.targetPort ?? 0}/${protocol}`);
  if (port.appProtocol) w.line(0, `AppProtocol:\t${port.appProtocol}`);
  if (port.nodePort) w.line(0, `NodePort:\t${name}\t${port.nodePort}/${protocol}`);
  w.line(0, `Endpoints:\t${endpointsText(slices, port.name ?? '')}`);
}

export async function writeService(w: Writer, service: corev1.Service, session: Session): Promise<void> {
  const { metadata, spec = {}, status } = service;
  const path = pathOf(discovery.endpointslices, metadata?.namespace);
  const query = { labelSelector: `kubernetes.io/service-name=${metadata?.name}` };
  const { items: slices } = await session.call<{ items: discoveryv1.EndpointSlice[] }>('GET', path, { query });
  writeHead(w, metadata);
  const selector = Object.entries((spec.selector ?? {}) as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1));
  w.line(0, `Selector:\t${selector.length === 0 ? '<none>' : selector.map(([key, value]) => `${key}=${value}`).join(',')}`);
  w.line(0, `Type:\t${spec.type ?? ''}`);
  if (spec.ipFamilyPolicy) w.line(0, `IP Family Policy:\t${spec.ipFamilyPolicy}`);
  w.line(0, `IP Families:\t${spec.ipFamilies?.join(',') || '<none>'}`);
  w.line(0, `IP:\t${spec.clusterIP ?? ''}`);
  w.line(0, `IPs:\t${spec.clusterIPs?.join(',') || '<none>'}`);
  if (spec.externalIPs?.length) w.line(0, `External IPs:\t${spec.externalIPs.join(',')}`);
  if (spec.loadBalancerIP) w.line(0, `Desired LoadBalancer IP:\t${spec.loadBalancerIP}`);
  if (spec.externalName) w.line(0, `External Name:\t${spec.externalName}`);
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0) w.line(0, `LoadBalancer Ingress:\t${ingress.map(({ ip, hostname }) => ip || hostname).join(', ')}`);
  for (const port of spec.ports ?? []) writePort(w, port, slices);
  w.line(0, `Session Affinity:\t${spec.sessionAffinity ?? ''}`);
  if (spec.externalTrafficPolicy) w.line(0, `External Traffic Policy:\t${spec.externalTrafficPolicy}`);
  if (spec.internalTrafficPolicy) w.line(0, `Internal Traffic Policy:\t${spec.internalTrafficPolicy}`);
  if (spec.healthCheckNodePort) w.line(0, `HealthCheck NodePort:\t${spec.healthCheckNodePort}`);
  if (spec.loadBalancerSourceRanges?.length) w.line(0, `LoadBalancer Source Ranges:\t${spec.loadBalancerSourceRanges.join(',')}`);
  if (spec.trafficDistribution) w.line(0, `Traffic Distribution:\t${spec.trafficDistribution}`);
}
