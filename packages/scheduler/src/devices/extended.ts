// Extended resources of containers (`example.com/gpu: 1`) that device classes stand for: the requests of one claim that the
// scheduler makes for the pod (KEP-5004; plugins/dynamicresources/extendeddynamicresources.go).
import { type corev1, parseQuantity, type resourcev1 } from '@tiphys/api';
import type { Amounts } from '@tiphys/machinery';

type Mapping = corev1.ContainerExtendedResourceRequest;

/** Of the claim while it is only thought of; no real claim can have that name. */
export const SPECIAL_NAME = '<extended-resources>';
export const SPECIAL_ANNOTATION = 'resource.kubernetes.io/extended-resource-claim';
const CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';

/** Resources that a device class may stand for. */
export const isDeviceResource = (name: string): boolean =>
  name.startsWith(CLASS_PREFIX) || (name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.'));

/** Those of the amounts that device classes stand for and the node does not offer itself. */
export function deviceResources(requests: Amounts, allocatable: Amounts | undefined, isBacked: (name: string) => boolean): string[] {
  return [...requests].flatMap(([name, amount]) =>
    amount > 0 && isDeviceResource(name) && !allocatable?.get(name) && isBacked(name) ? [name] : [],
  );
}

/** Extended resource → device class: of two that claim one name, the newer. */
export function classesByResource(classes: readonly resourcev1.DeviceClass[]): ReadonlyMap<string, resourcev1.DeviceClass> {
  const created = ({ metadata }: resourcev1.DeviceClass) => metadata?.creationTimestamp ?? '';
  const nameOf = ({ metadata }: resourcev1.DeviceClass) => metadata?.name ?? '';
  const oldestFirst = [...classes].sort((a, b) => {
    if (created(a) !== created(b)) return created(a) < created(b) ? -1 : 1;
    return nameOf(a) < nameOf(b) ? 1 : -1;
  });
  return new Map([
    ...oldestFirst.flatMap((one) => (one.spec.extendedResourceName ? [[one.spec.extendedResourceName, one] as const] : [])),
    ...oldestFirst.map((one) => [`${CLASS_PREFIX}${nameOf(one)}`, one] as const),
  ]);
}

/** What the pod's claim is before it is known what of it a node needs. `uid` is of no object. */
export const specialClaim = (pod: corev1.Pod, uid: string): resourcev1.ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: {
    namespace: pod.metadata!.namespace!,
    name: SPECIAL_NAME,
    uid,
    generateName: `${pod.metadata!.name}-extended-resources-`,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata!.name!, uid: pod.metadata!.uid!, controller: true }],
    annotations: { [SPECIAL_ANNOTATION]: 'true' },
  },
  spec: {},
});

interface Needs {
  request?: resourcev1.DeviceRequest;
  mappings: Mapping[];
}

/** What a container needs beside the requests that it may use because their containers do not run yet. */
function needsOf(
  container: corev1.Container,
  index: number,
  resource: string,
  className: string,
  reusable: readonly resourcev1.DeviceRequest[],
): Needs {
  const wanted = container.resources?.requests ?? {};
  const amount = wanted[resource] === undefined ? 0 : parseQuantity(wanted[resource]).asNumber();
  const mappings: Mapping[] = [];
  if (amount === 0) return { mappings };
  const map = (requestName: string) => mappings.push({ containerName: container.name, resourceName: resource, requestName });
  let sum = 0;
  for (const { name, exactly } of reusable) {
    sum += exactly!.count!;
    map(name);
    if (sum >= amount) return { mappings };
  }
  const name = `container-${index}-request-${Object.keys(wanted).sort().indexOf(resource)}`;
  map(name);
  return { request: { name, exactly: { deviceClassName: className, allocationMode: 'ExactCount', count: amount - sum } }, mappings };
}

function requestsFor(resource: string, className: string, { initContainers = [], containers }: corev1.PodSpec) {
  const all = [...initContainers, ...containers];
  const isShort = (index: number) => index < initContainers.length && all[index]!.restartPolicy !== 'Always';
  const lasting = all.map((container, index) => (isShort(index) ? undefined : needsOf(container, index, resource, className, [])));
  const later = (index: number) => lasting.slice(index).flatMap((needs) => needs?.request ?? []);
  const short = all.flatMap((container, index) => (isShort(index) ? [needsOf(container, index, resource, className, later(index))] : []));
  // Init containers run one after another: the largest of their requests serves them all.
  const own = short.flatMap(({ request }) => request ?? []);
  const largest = own.reduce<resourcev1.DeviceRequest | undefined>(
    (max, one) => (max && max.exactly!.count! >= one.exactly!.count! ? max : one),
    undefined,
  );
  const names = new Set(own.map(({ name }) => name));
  const shortMappings = short.flatMap(({ mappings }) => mappings);
  return {
    requests: [...(largest ? [largest] : []), ...later(0)],
    mappings: [
      ...lasting.flatMap((needs) => needs?.mappings ?? []),
      ...shortMappings.map((one) => (names.has(one.requestName) ? { ...one, requestName: largest!.name } : one)),
    ],
  };
}

/** The claim's requests, and which container uses which. */
export function extendedRequests(
  pod: corev1.Pod,
  resources: readonly string[],
  classFor: (resource: string) => resourcev1.DeviceClass | undefined,
): { requests: resourcev1.DeviceRequest[]; mappings: Mapping[] } {
  const each = [...resources].sort().flatMap((resource) => {
    const className = classFor(resource)?.metadata?.name;
    return className === undefined ? [] : [requestsFor(resource, className, pod.spec!)];
  });
  const requests = each.flatMap((one) => one.requests).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { requests, mappings: each.flatMap((one) => one.mappings) };
}
