// Keeps the older Endpoints objects of services with a selector (pkg/controller/endpoint). Clients that predate EndpointSlice read them.
import { corev1 } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { isReady } from '../pods/pod-state.ts';
import { namespaceTerminating } from '../pods/pod-writes.ts';
import { create, update } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, keyOf, labelsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { addressesOf, hasClusterIp, hostnameFor, isManaged, podsBehindServices, podsOf, targetPort } from '../services/service-pods.ts';

/** More addresses than this are left out, and an annotation says so. */
export const ADDRESSES_MAX = 1000;
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';

interface Entry {
  address: corev1.EndpointAddress;
  ready: boolean;
  ports: corev1.EndpointPort[];
}

function entries(world: World<corev1.Service>): Entry[] {
  const service = world.object;
  const ipv6 = service.spec?.ipFamilies?.[0] === 'IPv6';
  const tolerant = service.spec?.publishNotReadyAddresses ?? false;
  const found: Entry[] = [];
  for (const pod of podsOf(service, world, tolerant)) {
    const [ip] = addressesOf(pod, ipv6);
    if (!ip) continue;
    const hostname = hostnameFor(pod, service);
    const targetRef = { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) };
    const address = { ip, ...(hostname ? { hostname } : {}), nodeName: pod.spec!.nodeName, targetRef };
    const ports: corev1.EndpointPort[] = [];
    for (const port of service.spec?.ports ?? []) {
      const number = targetPort(pod, port);
      if (number === undefined) continue;
      ports.push({
        ...(port.name ? { name: port.name } : {}),
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      });
    }
    if (ports.length > 0 || (!service.spec?.ports?.length && !hasClusterIp(service)))
      found.push({ address, ready: tolerant || isReady(pod), ports });
  }
  return found;
}

const text = JSON.stringify;
const byText = <T>(items: T[], of: (item: T) => string): T[] => items.sort((a, b) => (of(a) < of(b) ? -1 : 1));

/** Ports that the same addresses offer are put together, then everything is sorted (RepackSubsets). */
export function subsetsOf(list: readonly Entry[]): corev1.EndpointSubset[] {
  const byPort = new Map<string, { port: corev1.EndpointPort | undefined; members: Entry[] }>();
  for (const entry of list) {
    for (const port of entry.ports.length > 0 ? entry.ports : [undefined]) {
      const key = text(port ?? null);
      const group = byPort.get(key) ?? { port, members: [] };
      group.members.push(entry);
      byPort.set(key, group);
    }
  }
  const byMembers = new Map<string, { members: Entry[]; ports: corev1.EndpointPort[] }>();
  for (const { port, members } of byPort.values()) {
    const key = text(members.map((entry) => [entry.address.targetRef?.uid, entry.address.ip, entry.ready]).sort());
    const group = byMembers.get(key) ?? { members, ports: [] };
    if (port) group.ports.push(port);
    byMembers.set(key, group);
  }
  const subsets = [...byMembers.values()].map(({ members, ports }) => {
    const addresses = (ready: boolean) =>
      byText(
        members.filter((entry) => entry.ready === ready).map((entry) => entry.address),
        (a) => `${a.ip}/${a.targetRef?.uid}`,
      );
    const [yes, no] = [addresses(true), addresses(false)];
    return {
      ...(yes.length ? { addresses: yes } : {}),
      ...(no.length ? { notReadyAddresses: no } : {}),
      ...(ports.length ? { ports: byText(ports, text) } : {}),
    };
  });
  return byText(subsets, text);
}

function truncated(list: readonly Entry[]): readonly Entry[] {
  if (list.length <= ADDRESSES_MAX) return list;
  return [...list].sort((a, b) => Number(b.ready) - Number(a.ready)).slice(0, ADDRESSES_MAX);
}

export const endpointsController = defineController<corev1.Service>({
  name: 'endpoint-controller',
  for: corev1.services,
  watches: [podsBehindServices, { type: corev1.endpoints, keys: (endpoints) => [keyOf(endpoints)] }],
  plan(world) {
    const service = world.object;
    if (!isManaged(service) || isDeleting(service)) return [];
    const all = entries(world);
    const subsets = subsetsOf(truncated(all));
    const existing = world.get(corev1.endpoints, nameOf(service), namespaceOf(service));
    const { [HEADLESS_LABEL]: _headless, ...own } = labelsOf(service);
    const labels = { ...own, ...(hasClusterIp(service) ? {} : { [HEADLESS_LABEL]: '' }), [MANAGED_BY_LABEL]: MANAGER };
    const { [OVER_CAPACITY]: over, ...others } = existing ? annotationsOf(existing) : {};
    const tooMany = all.length > ADDRESSES_MAX;
    if (
      existing &&
      semanticEqual(existing.subsets ?? [], subsets) &&
      semanticEqual(labelsOf(existing), labels) &&
      (over === 'truncated') === tooMany
    )
      return [];
    const annotations = { ...others, ...(tooMany ? { [OVER_CAPACITY]: 'truncated' } : {}) };
    const metadata = {
      ...existing?.metadata,
      name: nameOf(service),
      namespace: namespaceOf(service),
      labels,
      ...(Object.keys(annotations).length ? { annotations } : { annotations: undefined }),
    };
    const endpoints: corev1.Endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets };
    return existing
      ? [update(corev1.endpoints, endpoints, 'the pods behind the service changed')]
      : [create(corev1.endpoints, endpoints, 'the service has none', { tolerate: namespaceTerminating })];
  },
});
