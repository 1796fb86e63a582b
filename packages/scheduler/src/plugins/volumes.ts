// Plugins about the volumes of a pod: what may be used together, how many a node can attach, where they are
// (plugins/volumerestrictions, nodevolumelimits, volumezone; binding is in volume-binding.ts).
import type { corev1, storagev1 } from '@tiphys/api';
import { claimClass } from '@tiphys/machinery';
import type { Hint } from '../framework/events.ts';
import { type Plugin, type PreFilterResult, refuse, type Snapshot } from '../framework/plugin.ts';
import { claimNames } from '../volumes/volume-binding.ts';
import type { NodeInfo } from '../world/infos.ts';

const volumesOf = (pod: corev1.Pod) => pod.spec!.volumes ?? [];

const overlap = (a: readonly string[] = [], b: readonly string[] = []) => a.some((one) => b.includes(one));

/** Volumes of types that one machine may have attached once only, unless all mount them read-only. */
function conflict(a: corev1.Volume, b: corev1.Volume): boolean {
  const [disk, otherDisk] = [a.gcePersistentDisk, b.gcePersistentDisk];
  if (disk && otherDisk && disk.pdName === otherDisk.pdName && !(disk.readOnly && otherDisk.readOnly)) return true;
  if (a.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true;
  const [target, otherTarget] = [a.iscsi, b.iscsi];
  if (target && otherTarget && target.iqn === otherTarget.iqn && !(target.readOnly && otherTarget.readOnly)) return true;
  const [image, otherImage] = [a.rbd, b.rbd];
  return Boolean(
    image &&
      otherImage &&
      overlap(image.monitors, otherImage.monitors) &&
      image.pool === otherImage.pool &&
      image.image === otherImage.image &&
      !(image.readOnly && otherImage.readOnly),
  );
}

const isExclusive = (volume: corev1.Volume) =>
  Boolean(volume.gcePersistentDisk ?? volume.awsElasticBlockStore ?? volume.iscsi ?? volume.rbd);

const conflictsWith = (pod: corev1.Pod, other: corev1.Pod) =>
  volumesOf(pod).some((volume) => isExclusive(volume) && volumesOf(other).some((taken) => conflict(volume, taken)));

const plainClaims = (pod: corev1.Pod): string[] => volumesOf(pod).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);

const claimAppeared: Hint = () => true;

interface RestrictionState {
  /** Claims that only one pod may use. */
  exclusive: ReadonlySet<string>;
  /** How many of them are used. */
  used: number;
}

export const volumeRestrictions: Plugin<RestrictionState> = {
  name: 'VolumeRestrictions',
  events: {
    NodeAdded: true,
    ClaimChanged: claimAppeared,
    PodDeleted: (waiting, { pod }) =>
      pod?.old?.metadata?.namespace === waiting.metadata?.namespace &&
      (conflictsWith(waiting, pod!.old!) || overlap(plainClaims(waiting), plainClaims(pod!.old!))),
  },
  preFilter: ({ pod }, snapshot): PreFilterResult<RestrictionState> => {
    const namespace = pod.metadata!.namespace!;
    const exclusive = new Set<string>();
    for (const name of plainClaims(pod)) {
      const claim = snapshot.claim(namespace, name);
      if (!claim) return { refusal: refuse([`persistentvolumeclaim "${name}" not found`], true) };
      if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(name);
    }
    const used = [...exclusive].filter((name) => snapshot.claimUsers(`${namespace}/${name}`) > 0).length;
    return volumesOf(pod).some(isExclusive) || used > 0 ? { state: { exclusive, used } } : { skip: true };
  },
  filter: ({ pod }, { pods }, { used }) => {
    for (const other of pods.values()) if (conflictsWith(pod, other.pod)) return refuse(['node(s) had no available disk']);
    return used > 0
      ? refuse(['node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod'])
      : undefined;
  },
  afterChange: (state, pod, { pod: other, by }) => {
    if (other.pod.metadata!.namespace !== pod.pod.metadata!.namespace) return state;
    const touched = plainClaims(other.pod).filter((name) => state.exclusive.has(name)).length;
    return { ...state, used: state.used + by * touched };
  },
};

/** Driver and handle of the CSI volume a claim has, or will have; `driver/handle` → driver. */
function csiVolumes(pod: corev1.Pod, snapshot: Snapshot, into: Map<string, string>): void {
  const namespace = pod.metadata!.namespace!;
  for (const name of claimNames(pod)) {
    const claim = snapshot.claim(namespace, name);
    if (!claim) continue;
    const volume = claim.spec?.volumeName ? snapshot.volume(claim.spec.volumeName) : undefined;
    if (volume && !volume.spec?.csi) continue;
    const driver = volume?.spec?.csi?.driver ?? snapshot.storageClass(claimClass(claim))?.provisioner;
    if (driver) into.set(`${driver}/${volume?.spec?.csi?.volumeHandle ?? `${namespace}/${name}`}`, driver);
  }
}

function limitsOf(node: storagev1.CSINode | undefined): Map<string, number> {
  const drivers = node?.spec?.drivers ?? [];
  return new Map(
    drivers.flatMap(({ name, allocatable }) => (allocatable?.count === undefined ? [] : [[name, allocatable.count] as const])),
  );
}

const count = (drivers: Iterable<string>) => {
  const counts = new Map<string, number>();
  for (const driver of drivers) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  return counts;
};

function exceedsLimits(wanted: ReadonlyMap<string, string>, node: NodeInfo, snapshot: Snapshot): boolean {
  const limits = limitsOf(snapshot.volumeLimits(node.name));
  if (limits.size === 0) return false;
  const attached = new Map<string, string>();
  for (const other of node.pods.values()) csiVolumes(other.pod, snapshot, attached);
  const added = count([...wanted].filter(([handle]) => !attached.has(handle)).map(([, driver]) => driver));
  const there = count(attached.values());
  return [...added].some(([driver, more]) => limits.has(driver) && (there.get(driver) ?? 0) + more > limits.get(driver)!);
}

export const nodeVolumeLimits: Plugin<{ wanted: ReadonlyMap<string, string>; snapshot: Snapshot }> = {
  name: 'NodeVolumeLimits',
  events: {
    NodeAdded: true,
    VolumeChanged: true,
    ClaimChanged: claimAppeared,
    PodDeleted: (_waiting, { pod }) => pod?.old !== undefined && claimNames(pod.old).length > 0,
  },
  preFilter: ({ pod }, snapshot) => {
    const wanted = new Map<string, string>();
    csiVolumes(pod, snapshot, wanted);
    return wanted.size === 0 ? { skip: true } : { state: { wanted, snapshot } };
  },
  filter: (_pod, node, { wanted, snapshot }) =>
    exceedsLimits(wanted, node, snapshot) ? refuse(['node(s) exceed max volume count']) : undefined,
};

/** Labels that say where a volume is; the beta names stand for the same as the others. */
const TOPOLOGY_LABELS: readonly (readonly [label: string, current: string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
];
/** Between the zones of a volume that is in several. */
const ZONE_SEPARATOR = '__';

interface Place {
  label: string;
  current: string;
  values: readonly string[];
}

function placesOf(pod: corev1.Pod, snapshot: Snapshot): Place[] {
  return claimNames(pod).flatMap((name) => {
    const volumeName = snapshot.claim(pod.metadata!.namespace!, name)?.spec?.volumeName;
    const labels = (volumeName && snapshot.volume(volumeName)?.metadata?.labels) || {};
    return TOPOLOGY_LABELS.flatMap(([label, current]) =>
      labels[label] === undefined ? [] : [{ label, current, values: labels[label].split(ZONE_SEPARATOR) }],
    );
  });
}

export const volumeZone: Plugin<readonly Place[]> = {
  name: 'VolumeZone',
  events: { NodeAdded: true, NodeUpdated: true, VolumeChanged: true, ClaimChanged: true },
  preFilter: ({ pod }, snapshot) => {
    const places = placesOf(pod, snapshot);
    return places.length === 0 ? { skip: true } : { state: places };
  },
  filter: (_pod, { node }, places) => {
    const labels = node.metadata?.labels ?? {};
    if (!TOPOLOGY_LABELS.some(([label]) => labels[label] !== undefined)) return undefined;
    const isElsewhere = ({ label, current, values }: Place) => !values.includes(labels[label] ?? labels[current] ?? '');
    return places.some(isElsewhere) ? refuse(['node(s) had no available volume zone'], true) : undefined;
  },
};
