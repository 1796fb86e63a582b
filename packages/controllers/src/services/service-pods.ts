// What EndpointSlices and Endpoints share: which pods stand behind a service, and under which port
// (k8s.io/endpointslice util, component-helpers).
import { corev1 } from '@tiphys/api';
import { isTerminal } from '../pods/pod-state.ts';
import type { Snapshot, Watched } from '../runtime/controller.ts';
import { isDeleting, keyOf, labelsOf, nameOf, namespaceOf } from '../runtime/objects.ts';

/** Services by namespace that select pods at all; a pod's change concerns few of them. */
export function selects(service: corev1.Service, pod: corev1.Pod): boolean {
  const selector = service.spec?.selector;
  if (!selector) return false;
  const labels = labelsOf(pod);
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** Whether endpoints could differ between the two: most updates of a pod concern no service. */
function relevantChange(pod: corev1.Pod, old: corev1.Pod): boolean {
  const view = (p: corev1.Pod) => {
    const ready = p.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
    return JSON.stringify([
      p.metadata?.labels,
      p.metadata?.deletionTimestamp,
      p.status?.podIPs,
      p.status?.podIP,
      ready,
      isTerminal(p),
      p.spec?.nodeName,
    ]);
  };
  return view(pod) !== view(old);
}

/** Re-plans the services that select the pod, or selected it before the change. */
export const podsBehindServices: Watched<corev1.Pod> = {
  type: corev1.pods,
  keys(pod, snapshot, { old }) {
    if (old && !relevantChange(pod, old)) return [];
    const services = snapshot.list(corev1.services, namespaceOf(pod));
    return services.filter((service) => selects(service, pod) || (old !== undefined && selects(service, old))).map(keyOf);
  },
};

export function podsOf(service: corev1.Service, snapshot: Snapshot, includeTerminating: boolean): corev1.Pod[] {
  return snapshot.list(corev1.pods, namespaceOf(service)).filter((pod) => {
    if (!selects(service, pod) || isTerminal(pod)) return false;
    if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false;
    return includeTerminating || !isDeleting(pod);
  });
}

/** The number behind a service's port for one pod; undefined when the pod has no port of that name. */
export function targetPort(pod: corev1.Pod, port: corev1.ServicePort): number | undefined {
  const target = port.targetPort;
  if (typeof target === 'number') return target || port.port;
  if (target === undefined || target === '') return port.port;
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars])
    for (const candidate of container.ports ?? [])
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return candidate.containerPort;
  return undefined;
}

/** Pods with a hostname in the service's own subdomain have a DNS name of their own. */
export function hostnameFor(pod: corev1.Pod, service: corev1.Service): string | undefined {
  return pod.spec?.hostname && pod.spec.subdomain === nameOf(service) && namespaceOf(pod) === namespaceOf(service)
    ? pod.spec.hostname
    : undefined;
}

export const isIpv6 = (address: string): boolean => address.includes(':');

export function addressesOf(pod: corev1.Pod, ipv6: boolean): string[] {
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return all.filter((ip): ip is string => ip !== undefined && isIpv6(ip) === ipv6);
}

export const hasClusterIp = (service: corev1.Service): boolean => Boolean(service.spec?.clusterIP) && service.spec?.clusterIP !== 'None';

/** Whether the slices and endpoints of the service are ours to write. */
export const isManaged = (service: corev1.Service): boolean =>
  service.spec?.type !== 'ExternalName' && service.spec?.selector !== undefined;
