// Who may write what of a claim's status: two made-up subresources that callers are asked for (registry/resource/utils.go,
// KEP-4817; DRAResourceClaimGranularStatusAuthorization).
import type { resourcev1 } from '@tiphys/api';
import type { Permission } from '../define-resource.ts';
import { sameValue } from '../rules/equality.ts';
import { deviceId } from './device-status.ts';

type Claim = resourcev1.ResourceClaim;
type Status = resourcev1.ResourceClaimStatus;

/** The node that an allocation is on, where it names exactly one. */
function allocatedNode(allocation: resourcev1.AllocationResult): string {
  const [term, ...others] = allocation.nodeSelector?.nodeSelectorTerms ?? [];
  if (!term || others.length > 0 || term.matchExpressions?.length || term.matchFields?.length !== 1) return '';
  const { key, operator, values } = term.matchFields[0]!;
  return key === 'metadata.name' && operator === 'In' && values?.length === 1 ? values[0]! : '';
}

/** Those of whose devices something else is told than before, in order. */
function driversTold(devices: Status['devices'] = [], old: Status['devices'] = []): string[] {
  const before = new Map(old.map((device) => [deviceId(device), device]));
  const drivers = new Set<string>();
  for (const device of devices) {
    const id = deviceId(device);
    const known = before.get(id);
    before.delete(id);
    if (!known || !sameValue(known, device)) drivers.add(device.driver ?? '');
  }
  for (const { driver } of before.values()) drivers.add(driver ?? '');
  return [...drivers].sort();
}

/** What whoever writes this status must be allowed to. A claim without an allocation has no devices to tell of. */
export function claimPermissions({ metadata, status }: Claim, { status: old }: Claim): Permission[] {
  const permissions: Permission[] = [];
  const allocation = status?.allocation;
  if (!sameValue(allocation, old?.allocation) || !sameValue(status?.reservedFor, old?.reservedFor)) {
    const about = 'status.allocation or status.reservedFor';
    permissions.push({ field: 'status.allocation', about, subresource: 'binding', namespace: '', name: '' });
  }
  if (!allocation) return permissions;
  const target = { field: 'status.devices', about: 'status.devices', subresource: 'driver', namespace: metadata?.namespace ?? '' };
  for (const name of driversTold(status.devices, old?.devices)) permissions.push({ ...target, name, node: allocatedNode(allocation) });
  return permissions;
}
