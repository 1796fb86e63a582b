// Where a Service can be reached from this process: one of its ready endpoints, since the server need not be where cluster
// addresses are routed (apiserver util/proxy/proxy.go ResolveEndpoint).
import { corev1, discoveryv1 } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Random } from '@tiphys/runtime';

export interface Endpoint {
  host: string;
  port: number;
}

export interface ServicePort {
  namespace: string;
  name: string;
  port: number;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

export const slicesOf = (reader: ResourceReader, namespace: string, name: string): readonly discoveryv1.EndpointSlice[] =>
  reader.list(discoveryv1.endpointslices, namespace).filter((slice) => slice.metadata?.labels?.[SERVICE_NAME] === name);

/** Throws StatusError when there is no such service or port, or nobody behind it. */
export function serviceEndpoint(reader: ResourceReader, random: Pick<Random, 'number'>, { namespace, name, port }: ServicePort): Endpoint {
  const service = reader.get(corev1.services, name, namespace);
  if (!service) throw statusError.notFound(corev1.services, name);
  if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port };
  const servicePort = service.spec?.ports?.find((each) => each.port === port);
  if (!servicePort) throw statusError.serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  const endpoints: Endpoint[] = [];
  for (const slice of slicesOf(reader, namespace, name)) {
    const slicePort = slice.ports?.find((each) => (each.name ?? '') === (servicePort.name ?? ''))?.port;
    if (!slicePort) continue;
    for (const { conditions, addresses } of slice.endpoints ?? []) {
      if (conditions?.ready !== false && addresses[0]) endpoints.push({ host: addresses[0], port: slicePort });
    }
  }
  if (endpoints.length === 0) throw statusError.serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return endpoints[Math.floor(random.number() * endpoints.length)]!;
}
