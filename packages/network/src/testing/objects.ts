// Services and slices for tests, as short as they can be said.
import type { Endpoint, EndpointSlice, Service, ServicePort } from '../kinds.ts';

export function service(name: string, clusterIP: string, ports: ServicePort[], spec: NonNullable<Service['spec']> = {}): Service {
  return { metadata: { name, namespace: 'default' }, spec: { type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], ports, ...spec } };
}

export function slice(
  serviceName: string,
  port: number,
  endpoints: (string | Endpoint)[],
  more: Partial<EndpointSlice> = {},
): EndpointSlice {
  return {
    metadata: { name: `${serviceName}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: 'IPv4',
    endpoints: endpoints.map((endpoint) => (typeof endpoint === 'string' ? { addresses: [endpoint], nodeName: 'node-1' } : endpoint)),
    ports: [{ name: '', protocol: 'TCP', port }],
    ...more,
  };
}
