// How many devices of an extended resource's class a node reaches, and how many of them are taken: what scores of nodes go by where the node
// itself does not offer the resource (plugins/noderesources/resource_allocation.go, calculateDRAResourceTotals).
import type { corev1, resourcev1 } from '@tiphys/api';
import { deviceId } from './allocated.ts';
import type { DeviceView } from './device-world.ts';
import { reaches } from './pools.ts';
import { selectsDevice } from './requests.ts';

export interface DeviceTotals {
  capacity: number;
  taken: number;
}

const NONE: DeviceTotals = { capacity: 0, taken: 0 };

function devicesNear(node: corev1.Node, { spec }: resourcev1.ResourceSlice): readonly resourcev1.Device[] {
  const devices = spec.devices ?? [];
  if (spec.perDeviceNodeSelection) return devices.filter((device) => reaches(node, device));
  // A slice that says nothing of nodes is counted everywhere, as upstream does.
  const saysWhere = spec.nodeName || spec.allNodes || spec.nodeSelector;
  return !saysWhere || reaches(node, spec) ? devices : [];
}

/** Nothing where no class stands for the resource, or the class can't be understood. */
export function deviceTotals(node: corev1.Node, resource: string, view: DeviceView): DeviceTotals {
  const deviceClass = view.classFor(resource);
  if (!deviceClass) return NONE;
  const { allocated, catalog } = view;
  const totals = { capacity: 0, taken: 0 };
  try {
    for (const slice of catalog.slicesFor(node.metadata!.name!)) {
      const { driver, pool } = slice.spec;
      for (const device of devicesNear(node, slice)) {
        if (!selectsDevice(deviceClass, device, driver)) continue;
        totals.capacity++;
        const id = deviceId(driver, pool.name, device.name);
        if (allocated.isDedicated(id) || allocated.capacityTaken(id)) totals.taken++;
      }
    }
  } catch {
    return NONE;
  }
  return totals;
}
