// Keeps volumes' phases and gives back those whose claim is gone (pkg/controller/volume/persistentvolume syncVolume).
import { corev1 } from '@tiphys/api';
import { annotationOf, isNotFound, sameVolumeMode, VOLUME_ANNOTATIONS } from '@tiphys/machinery';
import { type Action, type EventText, remove, update, warning } from '../runtime/actions.ts';
import { apply } from '../runtime/apply.ts';
import { defineController, type ReconcileContext } from '../runtime/controller.ts';
import { nameOf, uidOf } from '../runtime/objects.ts';
import { setVolumePhase } from './binding.ts';

type Claim = corev1.PersistentVolumeClaim;
type Volume = corev1.PersistentVolume;

/** Where volumes are made on the machine, and how. Without functions nothing is made: enough for simulated nodes. */
export interface VolumeFolders {
  /** Volumes of the built-in provisioner are folders in this one. */
  directory: string;
  create?(path: string): Promise<void>;
  remove?(path: string): Promise<void>;
}

const { boundByController, provisionedBy } = VOLUME_ANNOTATIONS;
/** Upstream's hostPath deleter touches nothing else. */
const DELETABLE_HOST_PATH = /^\/tmp\/.+/;

const failed = (volume: Volume, reason: string, message: string): Action[] => {
  const event: EventText = { type: 'Warning', reason, message };
  return setVolumePhase(volume, 'Failed', message, message, event);
};

/** The claim as the server has it when the cache does not show the right one. */
async function claimOf(volume: Volume, context: ReconcileContext): Promise<Claim | undefined> {
  const { name = '', namespace = '', uid } = volume.spec!.claimRef!;
  const cached = context.snapshot.get(corev1.persistentvolumeclaims, name, namespace);
  if (cached && uidOf(cached) === uid) return cached;
  try {
    const live = await context.client.of(corev1.persistentvolumeclaims).get(name, namespace);
    return uidOf(live) === uid ? live : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function deleteVolume(volume: Volume, folders: VolumeFolders, provisioner: string): Promise<Action[]> {
  const maker = annotationOf(volume, provisionedBy);
  // Volumes of other provisioners are theirs to delete.
  if (maker !== undefined && maker !== provisioner) return [];
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) {
    const message = `error getting deleter volume plugin for volume "${nameOf(volume)}": no deletable volume plugin matched`;
    return failed(volume, 'VolumeFailedDelete', message);
  }
  if (maker === undefined && !DELETABLE_HOST_PATH.test(path)) {
    return failed(volume, 'VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
  }
  try {
    await folders.remove?.(path);
  } catch (error) {
    return failed(volume, 'VolumeFailedDelete', (error as Error).message);
  }
  return [remove(corev1.persistentvolumes, volume, 'its claim is gone', { options: { preconditions: { uid: uidOf(volume) } } })];
}

async function reclaim(volume: Volume, folders: VolumeFolders, provisioner: string): Promise<Action[]> {
  const { phase } = volume.status ?? {};
  const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain';
  if (phase !== 'Released' && phase !== 'Failed') return setVolumePhase(volume, 'Released', 'its claim is gone');
  if (policy === 'Retain' || volume.metadata?.deletionTimestamp) return [];
  if (policy === 'Delete') return deleteVolume(volume, folders, provisioner);
  if (policy === 'Recycle') return failed(volume, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!');
  return failed(volume, 'VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy');
}

/** Takes back what this controller did; what a user reserved keeps its reservation. */
function unbind(volume: Volume): Action[] {
  const { claimRef, ...spec } = volume.spec!;
  const byController = annotationOf(volume, boundByController) !== undefined;
  const { [boundByController]: _, ...annotations } = volume.metadata?.annotations ?? {};
  const { uid: _uid, resourceVersion: _version, ...reserved } = claimRef!;
  const changed: Volume = byController
    ? { ...volume, metadata: { ...volume.metadata, annotations }, spec }
    : { ...volume, spec: { ...spec, claimRef: reserved } };
  return [
    update(corev1.persistentvolumes, changed, 'its claim has another volume'),
    ...setVolumePhase(changed, 'Available', 'it is free again'),
  ];
}

async function decide(volume: Volume, context: ReconcileContext, folders: VolumeFolders, provisioner: string): Promise<readonly Action[]> {
  if (!volume.spec?.claimRef?.uid) return setVolumePhase(volume, 'Available', 'no claim has it');
  const claim = await claimOf(volume, context);
  if (!claim) return reclaim(volume, folders, provisioner);
  if (!claim.spec?.volumeName) {
    if (sameVolumeMode(volume, claim)) return [];
    const message = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${nameOf(claim)}" due to incompatible volumeMode.`;
    const forClaim = `Cannot bind PersistentVolume "${nameOf(volume)}" to requested PersistentVolumeClaim due to incompatible volumeMode.`;
    return [
      warning('VolumeMismatch', message),
      warning('VolumeMismatch', forClaim, { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }),
    ];
  }
  if (claim.spec.volumeName === nameOf(volume)) return setVolumePhase(volume, 'Bound', 'a claim has it');
  const isMade = annotationOf(volume, provisionedBy) !== undefined;
  if (isMade && volume.spec.persistentVolumeReclaimPolicy === 'Delete') return reclaim(volume, folders, provisioner);
  return unbind(volume);
}

export function volumeController(folders: VolumeFolders, provisioner: string) {
  return defineController<Volume>({
    name: 'persistent-volume-binder',
    eventSource: 'persistentvolume-controller',
    for: corev1.persistentvolumes,
    watches: [
      {
        type: corev1.persistentvolumeclaims,
        keys: (claim, snapshot, { gone }) => {
          const { volumeName } = claim.spec ?? {};
          if (volumeName && !gone) return [`/${volumeName}`];
          return snapshot
            .list(corev1.persistentvolumes)
            .filter((volume) => nameOf(volume) === volumeName || volume.spec?.claimRef?.uid === uidOf(claim))
            .map((volume) => `/${nameOf(volume)}`);
        },
      },
    ],
    async reconcile(_key, volume, context) {
      if (!volume) return undefined;
      const actions = await decide(volume, context, folders, provisioner);
      const failure = await apply(actions, {
        client: context.client,
        events: context.events,
        about: { ...volume, apiVersion: 'v1', kind: 'PersistentVolume' },
        wrote: () => undefined,
        deleted: () => undefined,
        wake: () => undefined,
        note: () => undefined,
        tally: () => undefined,
      });
      if (failure && !isNotFound(failure)) throw failure;
      return undefined;
    },
  });
}
