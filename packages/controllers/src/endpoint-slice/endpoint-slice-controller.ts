// Keeps the EndpointSlices of every service with a selector (pkg/controller/endpointslice; KEP-752).
import { corev1, discoveryv1, timeText } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { isReady } from '../pods/pod-state.ts';
import { namespaceTerminating } from '../pods/pod-writes.ts';
import { type Action, atOnce, create, remove, update } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { isDeleting, labelsOf, nameOf, namespaceOf, timeMs, uidOf } from '../runtime/objects.ts';
import { addressesOf, hasClusterIp, hostnameFor, isManaged, podsBehindServices, podsOf, targetPort } from '../services/service-pods.ts';
import { type Desired, MANAGER, packSlices, portsKey } from './slices.ts';

const BY_SERVICE = 'service';
const TRIGGER_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

const serviceKey = (slice: discoveryv1.EndpointSlice) => {
  const service = labelsOf(slice)[SERVICE_NAME_LABEL];
  return service && labelsOf(slice)['endpointslice.kubernetes.io/managed-by'] === MANAGER ? [`${namespaceOf(slice)}/${service}`] : [];
};

function endpointOf(pod: corev1.Pod, service: corev1.Service, ipv6: boolean, node: corev1.Node | undefined): discoveryv1.Endpoint {
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const hostname = hostnameFor(pod, service);
  const zone = node && labelsOf(node)[ZONE_LABEL];
  return {
    addresses: addressesOf(pod, ipv6),
    conditions: { ready: Boolean(service.spec?.publishNotReadyAddresses) || (serving && !terminating), serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

function portsFor(service: corev1.Service, pod: corev1.Pod): discoveryv1.EndpointPort[] {
  const ports: discoveryv1.EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(pod, port);
    if (number === undefined) continue;
    ports.push({
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
      port: number,
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
    });
  }
  return ports;
}

/** Same zone first when the service asks for it (KEP-4444): each endpoint hints at its own zone. */
function withHints(service: corev1.Service, endpoint: discoveryv1.Endpoint): discoveryv1.Endpoint {
  const wanted = service.spec?.trafficDistribution;
  if (wanted === 'PreferSameNode' && endpoint.nodeName && endpoint.conditions?.ready)
    return {
      ...endpoint,
      hints: { forNodes: [{ name: endpoint.nodeName }], ...(endpoint.zone ? { forZones: [{ name: endpoint.zone }] } : {}) },
    };
  if ((wanted === 'PreferClose' || wanted === 'PreferSameZone') && endpoint.zone && endpoint.conditions?.ready)
    return { ...endpoint, hints: { forZones: [{ name: endpoint.zone }] } };
  return endpoint;
}

function desiredFor(world: World<corev1.Service>, ipv6: boolean): Desired[] {
  const service = world.object;
  const groups = new Map<string, { ports: discoveryv1.EndpointPort[]; endpoints: discoveryv1.Endpoint[] }>();
  for (const pod of podsOf(service, world, true)) {
    const node = pod.spec?.nodeName ? world.get(corev1.nodes, pod.spec.nodeName) : undefined;
    if (!node && !service.spec?.publishNotReadyAddresses) continue;
    const endpoint = withHints(service, endpointOf(pod, service, ipv6, node));
    if (endpoint.addresses.length === 0) continue;
    const ports = portsFor(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The latest time at which something changed that the slices show; clients measure delays with it. */
function triggerTime(world: World<corev1.Service>): string | undefined {
  const times = podsOf(world.object, world, true).map((pod) =>
    timeMs(pod.status?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime),
  );
  const latest = Math.max(0, ...times, timeMs(world.object.metadata?.creationTimestamp));
  return latest > 0 ? timeText(latest) : undefined;
}

function withTrigger(slice: discoveryv1.EndpointSlice, time: string | undefined): discoveryv1.EndpointSlice {
  return time
    ? { ...slice, metadata: { ...slice.metadata, annotations: { ...slice.metadata?.annotations, [TRIGGER_ANNOTATION]: time } } }
    : slice;
}

export const endpointSliceController = defineController<corev1.Service>({
  name: 'endpointslice-controller',
  eventSource: 'endpoint-slice-controller',
  for: corev1.services,
  reads: [corev1.nodes],
  indices: [{ type: discoveryv1.endpointslices, name: BY_SERVICE, keysOf: serviceKey }],
  watches: [podsBehindServices, { type: discoveryv1.endpointslices, keys: serviceKey }],
  plan(world) {
    const service = world.object;
    if (!isManaged(service) || isDeleting(service)) return [];
    const existing = world.byIndex(discoveryv1.endpointslices, BY_SERVICE, `${namespaceOf(service)}/${nameOf(service)}`);
    const families = service.spec?.ipFamilies ?? [service.spec?.clusterIP?.includes(':') ? 'IPv6' : 'IPv4'];
    const time = triggerTime(world);
    const actions: Action[] = [];
    for (const family of families) {
      const mine = existing.filter(
        (slice) => slice.addressType === family && slice.metadata?.ownerReferences?.some((owner) => owner.uid === uidOf(service)),
      );
      const changes = packSlices(service, family, mine, desiredFor(world, family === 'IPv6'));
      actions.push(
        atOnce([
          ...changes.create.map((slice) =>
            create(discoveryv1.endpointslices, withTrigger(slice, time), 'pods without a slice', { tolerate: namespaceTerminating }),
          ),
          ...changes.update.map((slice) =>
            update(discoveryv1.endpointslices, withTrigger(slice, time), 'its endpoints changed', { tolerate: isNotFound }),
          ),
          ...changes.remove.map((slice) => remove(discoveryv1.endpointslices, slice, 'it holds no wanted endpoint')),
        ]),
      );
    }
    const stale = existing.filter(
      (slice) => !families.includes(slice.addressType) || !slice.metadata?.ownerReferences?.some((owner) => owner.uid === uidOf(service)),
    );
    actions.push(
      ...stale.map((slice) =>
        remove(discoveryv1.endpointslices, slice, `not of this service${hasClusterIp(service) ? '' : ' or of another family'}`),
      ),
    );
    return actions;
  },
});
