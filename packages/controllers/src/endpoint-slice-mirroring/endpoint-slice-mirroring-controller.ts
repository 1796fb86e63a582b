// Mirrors Endpoints that people write for Services without a selector into EndpointSlices, which is what proxies read
// (pkg/controller/endpointslicemirroring). Slices of Endpoints that are gone go with their owner.
import { corev1, discoveryv1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { type Action, create, remove, update, warning } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, keyOf, labelsOf, nameOf, namespaceOf } from '../runtime/objects.ts';
import { ENDPOINTS_PER_SUBSET_MAX, MANAGED_BY_LABEL, MIRROR_MANAGER, mirror, SERVICE_NAME_LABEL } from './mirrored-slices.ts';

const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
const BY_SERVICE = 'mirrored-service';

const isMirrored = (slice: discoveryv1.EndpointSlice) => labelsOf(slice)[MANAGED_BY_LABEL] === MIRROR_MANAGER;
const serviceKey = (slice: discoveryv1.EndpointSlice) => `${namespaceOf(slice)}/${labelsOf(slice)[SERVICE_NAME_LABEL]}`;

function isWanted({ object: endpoints, get }: World<corev1.Endpoints>): boolean {
  if (labelsOf(endpoints)[SKIP_LABEL] === 'true' || annotationsOf(endpoints)[LEADER_ANNOTATION] !== undefined) return false;
  const service = get(corev1.services, nameOf(endpoints), namespaceOf(endpoints));
  return service !== undefined && service.spec?.selector === undefined;
}

const hasNoSelector = (service: corev1.Service) => service.spec?.selector === undefined;

export const endpointSliceMirroringController = defineController<corev1.Endpoints>({
  name: 'endpointslicemirroring-controller',
  eventSource: 'endpoint-slice-mirroring-controller',
  for: corev1.endpoints,
  indices: [{ type: discoveryv1.endpointslices, name: BY_SERVICE, keysOf: (slice) => (isMirrored(slice) ? [serviceKey(slice)] : []) }],
  watches: [
    {
      type: corev1.services,
      keys: (service, _snapshot, { old }) => (old && hasNoSelector(old) === hasNoSelector(service) ? [] : [keyOf(service)]),
    },
    { type: discoveryv1.endpointslices, keys: (slice) => (isMirrored(slice) ? [serviceKey(slice)] : []) },
  ],
  plan(world) {
    const { object: endpoints } = world;
    const existing = world.byIndex(discoveryv1.endpointslices, BY_SERVICE, keyOf(endpoints));
    const type = discoveryv1.endpointslices;
    if (!isWanted(world)) return existing.map((slice) => remove(type, slice, 'nothing is mirrored any more'));
    const changes = mirror(endpoints, existing);
    const actions: Action[] = [];
    if (changes.skipped > 0) {
      const message = `A max of ${ENDPOINTS_PER_SUBSET_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${changes.skipped} addresses were skipped`;
      actions.push(warning('TooManyAddressesToMirror', message));
    }
    if (!isDeleting(endpoints)) actions.push(...changes.create.map((slice) => create(type, slice, 'it mirrors addresses')));
    actions.push(...changes.update.map((slice) => update(type, slice, 'the addresses changed', { tolerate: isNotFound })));
    actions.push(...changes.remove.map((slice) => remove(type, slice, 'its addresses are gone')));
    return actions;
  },
});
