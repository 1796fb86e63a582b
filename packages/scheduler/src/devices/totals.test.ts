// Upstream's cases of what nodes have of resources that device classes stand for, as facts (TestCalculateResourceAllocatableRequest in
// plugins/noderesources resource_allocation_test.go of v1.36.3), and that scores go by it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, resourcev1 } from '@tiphys/api';
import { nodeResourcesBalancedAllocation, nodeResourcesFit } from '../plugins/resources.ts';
import { snapshotOfWorld, worldOf } from '../testing/snapshot.ts';
import { podInfo } from '../world/infos.ts';
import { DeviceWorld } from './device-world.ts';
import { deviceTotals } from './totals.ts';

const EXPLICIT = 'extended.resource.dra.io/something';
const IMPLICIT = 'deviceclass.resource.kubernetes.io/device-class-name';
const NODE = 'resource-node';
const DRIVER = 'test-driver';

const classOf = (spec: resourcev1.DeviceClassSpec): resourcev1.DeviceClass => ({ metadata: { name: 'device-class-name' }, spec });
const sliceOf = (...devices: string[]): resourcev1.ResourceSlice => ({
  metadata: { name: 'slice' },
  spec: {
    ...{ driver: DRIVER, nodeName: NODE, pool: { name: NODE, generation: 1, resourceSliceCount: 1 } },
    devices: devices.map((name) => ({ name })),
  },
});
const claimOf = (device: string, { shareID, pool = NODE }: { shareID?: string; pool?: string } = {}): resourcev1.ResourceClaim => ({
  metadata: { name: `claim-${device}`, namespace: 'default', uid: device, resourceVersion: '1' },
  spec: {},
  status: { allocation: { devices: { results: [{ request: 'req-1', driver: DRIVER, pool, device, ...(shareID ? { shareID } : {}) }] } } },
});

interface World {
  deviceClass?: resourcev1.DeviceClass;
  slices?: resourcev1.ResourceSlice[];
  claims?: resourcev1.ResourceClaim[];
}

function worldFor({ deviceClass = classOf({ extendedResourceName: EXPLICIT }), slices = [], claims = [] }: World): DeviceWorld {
  const world = new DeviceWorld();
  world.setClass(deviceClass);
  for (const slice of slices) world.setSlice(slice);
  for (const claim of claims) world.setClaim(claim);
  return world;
}

const node: corev1.Node = { metadata: { name: NODE, labels: { zone: 'us-east-1a' } } };
const gpu = (name: string, model: string, memory: string, where: Partial<resourcev1.Device>): resourcev1.Device => ({
  ...{ name, attributes: { model: { string: model } }, capacity: { memory: { value: memory } } },
  ...where,
});
const inZone = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['us-east-1a'] }] }] };
const EACH: World = {
  deviceClass: classOf({
    extendedResourceName: EXPLICIT,
    selectors: [
      {
        cel: {
          expression:
            'device.driver == "test-driver" && device.capacity["test-driver"].memory.compareTo(quantity("8Gi")) >= 0 && device.attributes["test-driver"].model.startsWith("SOME-")',
        },
      },
    ],
  }),
  slices: [
    {
      metadata: { name: 'per-device-slice' },
      spec: {
        ...{ driver: DRIVER, perDeviceNodeSelection: true, pool: { name: 'per-device-pool', generation: 0, resourceSliceCount: 1 } },
        devices: [
          gpu('device-1', 'SOME-XYZ', '16Gi', { nodeName: NODE }),
          gpu('device-2', 'SOME-ZYX', '12Gi', { nodeName: 'other-node' }),
          gpu('device-3', 'SOME-XZY', '24Gi', { nodeSelector: inZone }),
        ],
      },
    },
  ],
  claims: [claimOf('device-1', { pool: 'per-device-pool' })],
};

const CASES: readonly [string, string, World, number, number][] = [
  ['a class that names the resource', EXPLICIT, { slices: [sliceOf('device-1')] }, 1, 0],
  ['the name of a class', IMPLICIT, { deviceClass: classOf({}), slices: [sliceOf('device-1')] }, 1, 0],
  ['no slices', EXPLICIT, {}, 0, 0],
  ['one is taken', EXPLICIT, { slices: [sliceOf('device-1', 'device-2')], claims: [claimOf('device-1')] }, 2, 1],
  ['one is shared', EXPLICIT, { slices: [sliceOf('device-1', 'device-2')], claims: [claimOf('device-1', { shareID: 'share-123' })] }, 2, 1],
  [
    'one is taken and one is shared',
    EXPLICIT,
    { slices: [sliceOf('device-1', 'device-2', 'device-3')], claims: [claimOf('device-1'), claimOf('device-2', { shareID: 'share-456' })] },
    3,
    2,
  ],
  ['devices that say where they are', EXPLICIT, EACH, 2, 1],
];
for (const [name, resource, world, capacity, taken] of CASES) {
  test(`devices of a resource: ${name}`, () => assert.deepEqual(deviceTotals(node, resource, worldFor(world)), { capacity, taken }));
}

test('scores go by devices, unless the node itself offers the resource', () => {
  const resources = [{ name: EXPLICIT, weight: 1 }];
  const pod = podInfo({
    metadata: { name: 'p', namespace: 'default', uid: 'p' },
    spec: { containers: [{ name: 'c', resources: { requests: { [EXPLICIT]: '1' } } }] },
  } as unknown as corev1.Pod);
  const scoreOn = (offered: Record<string, string>, world: World) => {
    const nodes = [{ ...node, status: { allocatable: { cpu: '1', memory: '1Gi', pods: '10', ...offered } } }];
    const snapshot = snapshotOfWorld(worldOf(nodes, []), { devices: worldFor(world) });
    const [fit, balanced] = [
      nodeResourcesFit({ scoringStrategy: { type: 'LeastAllocated', resources } }),
      nodeResourcesBalancedAllocation({ resources: [...resources, { name: 'cpu', weight: 1 }] }),
    ];
    return [fit, balanced].map((plugin) => {
      assert.equal(plugin.signature?.(pod, snapshot), undefined);
      return plugin.score?.(pod, snapshot.nodes[0]!, plugin.preScore?.(pod, snapshot.nodes, snapshot, undefined));
    });
  };
  const four = { slices: [sliceOf('device-1', 'device-2', 'device-3', 'device-4')] };
  // Balance: of the distance to a cpu that nobody uses, an eighth with one device of four, a quarter with one of two.
  assert.deepEqual(scoreOn({}, four), [75, 68]);
  assert.deepEqual(scoreOn({}, { ...four, claims: [claimOf('device-1'), claimOf('device-2')] }), [25, 68]);
  assert.deepEqual(scoreOn({ [EXPLICIT]: '2' }, four), [50, 62]);
  assert.deepEqual(scoreOn({}, {}), [0, 75]);
});
