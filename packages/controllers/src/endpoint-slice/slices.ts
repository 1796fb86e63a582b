// Packs endpoints into slices with as few writes as possible, pure (k8s.io/endpointslice reconciler.go).
import { corev1, type discoveryv1 } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { controllerReference, labelsOf, nameOf, namespaceOf } from '../runtime/objects.ts';
import { hasClusterIp } from '../services/service-pods.ts';

export const ENDPOINTS_PER_SLICE_MAX = 100;
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const NAME_PREFIX_MAX = 63 - 10;

type Slice = discoveryv1.EndpointSlice;
type Endpoint = discoveryv1.Endpoint;
type Port = discoveryv1.EndpointPort;

export interface Desired {
  ports: readonly Port[];
  endpoints: readonly Endpoint[];
}

export interface SliceChanges {
  create: Slice[];
  update: Slice[];
  remove: Slice[];
}

export const MANAGER = 'endpointslice-controller.k8s.io';

/** Slices with the same ports can hold each other's endpoints. */
export function portsKey(ports: readonly Port[] | undefined): string {
  return JSON.stringify(
    (ports ?? []).map(({ name, protocol, port, appProtocol }) => [name ?? '', protocol ?? '', port ?? null, appProtocol ?? '']).sort(),
  );
}

const endpointKey = (endpoint: Endpoint) =>
  JSON.stringify([
    endpoint.addresses,
    endpoint.hostname ?? '',
    endpoint.targetRef?.namespace,
    endpoint.targetRef?.name,
    endpoint.targetRef?.uid,
  ]);

const isReserved = (label: string) => label === SERVICE_NAME_LABEL || label === MANAGED_BY_LABEL || label === HEADLESS_LABEL;

function labelsFor(service: corev1.Service): Record<string, string> {
  const own = Object.entries(labelsOf(service)).filter(([label]) => !isReserved(label));
  return {
    ...Object.fromEntries(own),
    ...(hasClusterIp(service) ? {} : { [HEADLESS_LABEL]: '' }),
    [SERVICE_NAME_LABEL]: nameOf(service),
    [MANAGED_BY_LABEL]: MANAGER,
  };
}

function newSlice(service: corev1.Service, addressType: string, ports: readonly Port[], endpoints: readonly Endpoint[]): Slice {
  const prefix = `${nameOf(service)}-`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: prefix.length > NAME_PREFIX_MAX ? nameOf(service).slice(0, NAME_PREFIX_MAX) : prefix,
      namespace: namespaceOf(service),
      labels: labelsFor(service),
      ownerReferences: [controllerReference(corev1.services, service)],
    },
    addressType,
    ports: [...ports],
    endpoints: [...endpoints],
  };
}

const room = (slice: Slice): number => ENDPOINTS_PER_SLICE_MAX - (slice.endpoints?.length ?? 0);

/** For one set of ports: keeps endpoints where they are, fills changed slices first, then one with room, then new ones. */
function packPorts(
  service: corev1.Service,
  addressType: string,
  existing: readonly Slice[],
  desired: Desired,
): SliceChanges & { kept: Slice[] } {
  const wanted = new Map(desired.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const labels = labelsFor(service);
  const changes: SliceChanges & { kept: Slice[] } = { create: [], update: [], remove: [], kept: [] };
  for (const slice of existing) {
    const kept: Endpoint[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints ?? []) {
      const now = wanted.get(endpointKey(endpoint));
      if (!now) continue;
      kept.push(now);
      changed ||= !semanticEqual(now, endpoint);
      wanted.delete(endpointKey(endpoint));
    }
    changed ||= kept.length !== (slice.endpoints?.length ?? 0);
    if (changed && kept.length === 0) changes.remove.push(slice);
    else if (changed || !semanticEqual(labelsOf(slice), labels))
      changes.update.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: kept });
    else changes.kept.push(slice);
  }
  const left = [...wanted.values()];
  for (const slice of changes.update.sort((a, b) => room(a) - room(b)))
    slice.endpoints = [...(slice.endpoints ?? []), ...left.splice(0, room(slice))];
  while (left.length > 0) {
    const fitting =
      left.length < ENDPOINTS_PER_SLICE_MAX
        ? changes.kept.filter((slice) => room(slice) >= left.length).sort((a, b) => room(a) - room(b))[0]
        : undefined;
    const part = left.splice(0, ENDPOINTS_PER_SLICE_MAX);
    if (!fitting) changes.create.push(newSlice(service, addressType, desired.ports, part));
    else {
      changes.kept.splice(changes.kept.indexOf(fitting), 1);
      changes.update.push({ ...fitting, endpoints: [...(fitting.endpoints ?? []), ...part] });
    }
  }
  return changes;
}

/** All slices of one address family. A service without endpoints keeps one empty slice. */
export function packSlices(
  service: corev1.Service,
  addressType: string,
  existing: readonly Slice[],
  desired: readonly Desired[],
): SliceChanges {
  const result: SliceChanges = { create: [], update: [], remove: [] };
  const groups = new Map(desired.map((group) => [portsKey(group.ports), group]));
  const byPorts = Map.groupBy(existing, (slice) => portsKey(slice.ports ?? undefined));
  for (const [key, group] of groups) {
    const packed = packPorts(service, addressType, byPorts.get(key) ?? [], group);
    for (const name of ['create', 'update', 'remove'] as const) result[name].push(...packed[name]);
  }
  for (const [key, slices] of byPorts) if (!groups.has(key)) result.remove.push(...slices);
  if (existing.length > result.remove.length || result.create.length > 0) return result;
  const placeholder = newSlice(service, addressType, [], []);
  const same =
    result.remove.length === 1 &&
    result.remove.find((s) => !s.endpoints?.length && !s.ports?.length && semanticEqual(labelsOf(s), placeholder.metadata!.labels));
  if (same) result.remove = [];
  else result.create.push(placeholder);
  return result;
}
