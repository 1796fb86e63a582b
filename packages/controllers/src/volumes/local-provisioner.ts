// The built-in provisioner: a volume is a folder on the node that the scheduler chose. Its class is the default one.
import { corev1, storagev1 } from '@tiphys/api';
import { annotationOf, claimClass, isAlreadyExists, isDelayed, VOLUME_ANNOTATIONS } from '@tiphys/machinery';
import { defineController, type ReconcileContext } from '../runtime/controller.ts';
import { keyOf, uidOf } from '../runtime/objects.ts';
import { claimReference } from './binding.ts';
import { IS_DEFAULT_ANNOTATION } from './default-class.ts';
import type { VolumeFolders } from './volume-controller.ts';

export const LOCAL_PROVISIONER = 'tiphys.dev/local';
export const STANDARD_CLASS = 'standard';
const CLASS_RETRY_MS = 1000;

type Claim = corev1.PersistentVolumeClaim;

const { selectedNode, storageProvisioner, provisionedBy } = VOLUME_ANNOTATIONS;

const standardClass: storagev1.StorageClass = {
  metadata: { name: STANDARD_CLASS, annotations: { [IS_DEFAULT_ANNOTATION]: 'true' } },
  provisioner: LOCAL_PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** The volume for a claim, or why there can be none. Pure. */
export function localVolume(claim: Claim, storageClass: storagev1.StorageClass, directory: string, nodeName: string | undefined) {
  if (claim.spec?.volumeMode === 'Block') return { problem: `${LOCAL_PROVISIONER} does not support block volume provisioning` };
  if (claim.spec?.selector) return { problem: 'claim.Spec.Selector is not supported for dynamic provisioning' };
  if (claim.spec?.dataSource || claim.spec?.dataSourceRef) return { problem: `${LOCAL_PROVISIONER} does not support data sources` };
  const name = `pvc-${uidOf(claim)}`;
  const { resourceVersion: _, ...reference } = claimReference(claim);
  const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName ?? ''] };
  const volume: corev1.PersistentVolume = {
    metadata: { name, annotations: { [provisionedBy]: LOCAL_PROVISIONER } },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.storage ?? '0' },
      accessModes: claim.spec?.accessModes ?? [],
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: claimClass(claim),
      claimRef: reference,
      hostPath: { path: `${directory}/${name}`, type: 'DirectoryOrCreate' },
      ...(nodeName ? { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } } } : {}),
    },
  };
  return { volume };
}

const isOurs = (claim: Claim) => annotationOf(claim, storageProvisioner) === LOCAL_PROVISIONER && !claim.spec?.volumeName;

async function provision(claim: Claim, context: ReconcileContext, folders: VolumeFolders): Promise<void> {
  const { snapshot, events, client } = context;
  const storageClass = snapshot.get(storagev1.storageclasses, claimClass(claim));
  const nodeName = annotationOf(claim, selectedNode);
  if (storageClass?.provisioner !== LOCAL_PROVISIONER || (isDelayed(storageClass) && nodeName === undefined)) return;
  const about = { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
  const hostname = nodeName === undefined ? undefined : snapshot.get(corev1.nodes, nodeName)?.metadata?.labels?.['kubernetes.io/hostname'];
  const made = localVolume(claim, storageClass, folders.directory, hostname ?? nodeName);
  if (!made.volume) {
    events.event(
      about,
      'Warning',
      'ProvisioningFailed',
      `failed to provision volume with StorageClass "${claimClass(claim)}": ${made.problem}`,
    );
    return;
  }
  const { name } = made.volume.metadata!;
  if (snapshot.get(corev1.persistentvolumes, name!)) return;
  await folders.create?.(made.volume.spec!.hostPath!.path);
  try {
    await client.of(corev1.persistentvolumes).create(made.volume);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  events.event(about, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`);
}

export function localProvisioner(folders: VolumeFolders) {
  return defineController<Claim>({
    name: 'persistent-volume-binder',
    eventSource: LOCAL_PROVISIONER,
    for: corev1.persistentvolumeclaims,
    triggers: isOurs,
    reads: [corev1.persistentvolumes, corev1.nodes],
    watches: [
      { type: storagev1.storageclasses, keys: (_class, { list }) => list(corev1.persistentvolumeclaims).filter(isOurs).map(keyOf) },
    ],
    async run({ client, runtime, signal }) {
      // The binder itself may not make classes; the cluster's own standard class comes through bootstrap rights.
      while (!signal.aborted) {
        try {
          await client
            .as({ name: 'system:apiserver', groups: ['system:masters'] })
            .of(storagev1.storageclasses)
            .create(standardClass);
          return;
        } catch (error) {
          if (isAlreadyExists(error)) return;
          runtime.log.warning('the standard storage class could not be made', { error: String(error) });
          await runtime.clock.sleep(CLASS_RETRY_MS, signal).catch(() => undefined);
        }
      }
    },
    async reconcile(_key, claim, context) {
      if (claim && isOurs(claim) && !claim.metadata?.deletionTimestamp) await provision(claim, context, folders);
      return undefined;
    },
  });
}
