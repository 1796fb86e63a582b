// The kinds this package follows, and the labels that tie them together.
import type { corev1, discoveryv1, KubeObject } from '@tiphys/api';

export type Service = corev1.Service;
export type ServicePort = corev1.ServicePort;
export type Endpoint = discoveryv1.Endpoint;
export type EndpointSlice = discoveryv1.EndpointSlice;

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const SERVICE_PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
export const HEADLESS_LABEL = 'service.kubernetes.io/headless';

/** `namespace/name` of an object. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

/** `namespace/name` of the service that a slice belongs to, or undefined. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}
