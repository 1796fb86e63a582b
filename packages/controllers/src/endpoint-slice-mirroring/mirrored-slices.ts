// The slices that mirror an Endpoints object, and the writes that lead there (pkg/controller/endpointslicemirroring). Pure.
import { corev1, type discoveryv1 } from '@tiphys/api';
import { portsKey } from '../endpoint-slice/slices.ts';
import { semanticEqual } from '../equality.ts';
import { annotationsOf, controllerReference, labelsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

export const MIRROR_MANAGER = 'endpointslicemirroring-controller.k8s.io';
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
/** --mirroring-max-endpoints-per-subset. */
export const ENDPOINTS_PER_SUBSET_MAX = 1000;
const NAME_PREFIX_MAX = 63 - 10;
const UNMIRRORED_ANNOTATIONS = ['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration'];

type Slice = discoveryv1.EndpointSlice;
type Endpoint = discoveryv1.Endpoint;

interface Group {
  addressType: string;
  ports: discoveryv1.EndpointPort[];
  endpoints: Map<string, Endpoint>;
}

export interface Mirroring {
  create: Slice[];
  update: Slice[];
  remove: Slice[];
  skipped: number;
}

function endpointOf({ ip, hostname, nodeName, targetRef }: corev1.EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  };
}

const keyOfEndpoint = ({ addresses, hostname, targetRef }: Endpoint) =>
  JSON.stringify([addresses, hostname ?? '', targetRef?.namespace, targetRef?.name, targetRef?.uid]);

function groupsOf(endpoints: corev1.Endpoints): { groups: Map<string, Group>; skipped: number } {
  const groups = new Map<string, Group>();
  let skipped = 0;
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    }));
    const all = [
      ...(subset.addresses ?? []).map((address) => endpointOf(address, true)),
      ...(subset.notReadyAddresses ?? []).map((address) => endpointOf(address, false)),
    ];
    skipped += Math.max(0, all.length - ENDPOINTS_PER_SUBSET_MAX);
    for (const endpoint of all.slice(0, ENDPOINTS_PER_SUBSET_MAX)) {
      const addressType = endpoint.addresses[0]!.includes(':') ? 'IPv6' : 'IPv4';
      const key = `${addressType}-${portsKey(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: new Map() };
      groups.set(key, group);
      // Ready comes first and wins.
      if (!group.endpoints.has(keyOfEndpoint(endpoint))) group.endpoints.set(keyOfEndpoint(endpoint), endpoint);
    }
  }
  return { groups, skipped };
}

const mirroredAnnotations = (endpoints: corev1.Endpoints) =>
  Object.fromEntries(Object.entries(annotationsOf(endpoints)).filter(([name]) => !UNMIRRORED_ANNOTATIONS.includes(name)));

function sliceFor(endpoints: corev1.Endpoints, group: Group, existing: Slice | undefined): Slice {
  const prefix = `${nameOf(endpoints)}-`;
  const generateName = prefix.length > NAME_PREFIX_MAX ? nameOf(endpoints).slice(0, NAME_PREFIX_MAX) : prefix;
  const name = existing
    ? { name: nameOf(existing), ...(existing.metadata?.resourceVersion ? { resourceVersion: existing.metadata.resourceVersion } : {}) }
    : { generateName };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...name,
      namespace: namespaceOf(endpoints),
      labels: { ...labelsOf(endpoints), [SERVICE_NAME_LABEL]: nameOf(endpoints), [MANAGED_BY_LABEL]: MIRROR_MANAGER },
      annotations: mirroredAnnotations(endpoints),
      ownerReferences: [controllerReference(corev1.endpoints, endpoints)],
    },
    addressType: group.addressType,
    ports: group.ports,
    endpoints: [...group.endpoints.values()],
  };
}

const sorted = (list: readonly Endpoint[] | null | undefined) =>
  new Map((list ?? []).map((endpoint) => [keyOfEndpoint(endpoint), endpoint]));

function isUpToDate(slice: Slice, wanted: Slice, endpoints: corev1.Endpoints): boolean {
  const have = sorted(slice.endpoints);
  const want = sorted(wanted.endpoints);
  return (
    have.size === want.size &&
    [...want].every(([key, endpoint]) => semanticEqual(have.get(key), endpoint)) &&
    semanticEqual(labelsOf(slice), labelsOf(wanted)) &&
    semanticEqual(annotationsOf(slice), annotationsOf(wanted)) &&
    !slice.metadata?.ownerReferences?.some(
      ({ kind, name, uid }) => kind === 'Endpoints' && name === nameOf(endpoints) && uid !== uidOf(endpoints),
    )
  );
}

export function mirror(endpoints: corev1.Endpoints, existing: readonly Slice[]): Mirroring {
  const { groups, skipped } = groupsOf(endpoints);
  const result: Mirroring = { create: [], update: [], remove: [], skipped };
  const byKey = new Map<string, Slice[]>();
  for (const slice of existing) {
    const key = `${slice.addressType}-${portsKey(slice.ports ?? [])}`;
    byKey.set(key, [...(byKey.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const [first, ...rest] = byKey.get(key) ?? [];
    byKey.delete(key);
    result.remove.push(...rest);
    const wanted = sliceFor(endpoints, group, first);
    if (!first) result.create.push(wanted);
    else if (!isUpToDate(first, wanted, endpoints)) result.update.push(wanted);
  }
  result.remove.push(...[...byKey.values()].flat());
  // A slice that would go can become one that would come, if it is for the same kind of address.
  for (const slice of [...result.remove]) {
    const index = result.create.findIndex(({ addressType }) => addressType === slice.addressType);
    if (index < 0) continue;
    const [made] = result.create.splice(index, 1);
    const { generateName: _, ...metadata } = made!.metadata!;
    const { name, resourceVersion } = slice.metadata!;
    result.update.push({ ...made!, metadata: { ...metadata, name: name!, ...(resourceVersion ? { resourceVersion } : {}) } });
    result.remove.splice(result.remove.indexOf(slice), 1);
  }
  return result;
}
