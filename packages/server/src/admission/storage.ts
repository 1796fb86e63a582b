// Plugins for claims, volumes and ingresses: default classes, protection, growth
// (plugin/pkg/admission/storage, plugin/pkg/admission/network/defaultingressclass).
import { compareQuantities, type corev1, type KubeObject, networkingv1, storagev1 } from '@tiphys/api';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { forbidden, isResource } from './attributes.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const DEFAULT_CLASS_ANNOTATIONS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** The newest of those that say they are the default. */
function newest<T extends KubeObject>(classes: readonly T[]): T | undefined {
  const created = (each: T) => each.metadata?.creationTimestamp ?? '';
  return [...classes].sort((a, b) => {
    if (created(a) !== created(b)) return created(a) < created(b) ? 1 : -1;
    return a.metadata!.name! < b.metadata!.name! ? -1 : 1;
  })[0];
}

function handled<T extends KubeObject>(
  attributes: AdmissionAttributes,
  group: string,
  resource: string,
  operation: AdmissionAttributes['operation'],
): T | undefined {
  if (!isResource(attributes, group, resource) || attributes.subresource !== '' || attributes.operation !== operation) return undefined;
  return attributes.object as T | undefined;
}

const annotatedClass = (claim: corev1.PersistentVolumeClaim) => claim.metadata?.annotations?.[CLASS_ANNOTATION];
const classOf = (claim: corev1.PersistentVolumeClaim): string => annotatedClass(claim) ?? claim.spec?.storageClassName ?? '';

export function defaultStorageClass(): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    admit(attributes) {
      const claim = handled<corev1.PersistentVolumeClaim>(attributes, '', 'persistentvolumeclaims', 'CREATE');
      if (!claim || annotatedClass(claim) !== undefined || claim.spec?.storageClassName !== undefined) return;
      const isDefault = (each: storagev1.StorageClass) =>
        DEFAULT_CLASS_ANNOTATIONS.some((key) => each.metadata?.annotations?.[key] === 'true');
      const chosen = newest(attributes.reader.list(storagev1.storageclasses).filter(isDefault));
      if (chosen) claim.spec = { ...claim.spec, storageClassName: chosen.metadata!.name! };
    },
  };
}

const PROTECTED: readonly (readonly [group: string, resource: string, finalizer: string])[] = [
  ['', 'persistentvolumes', 'kubernetes.io/pv-protection'],
  ['', 'persistentvolumeclaims', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io', 'volumeattributesclasses', 'kubernetes.io/vac-protection'],
];

export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    admit(attributes) {
      for (const [group, resource, finalizer] of PROTECTED) {
        const object = handled<KubeObject>(attributes, group, resource, 'CREATE');
        const finalizers = object?.metadata?.finalizers ?? [];
        if (object && !finalizers.includes(finalizer)) object.metadata = { ...object.metadata, finalizers: [...finalizers, finalizer] };
      }
    },
  };
}

export function persistentVolumeClaimResize(): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    validate(attributes) {
      const claim = handled<corev1.PersistentVolumeClaim>(attributes, '', 'persistentvolumeclaims', 'UPDATE');
      const old = attributes.oldObject as corev1.PersistentVolumeClaim | undefined;
      if (!claim || !old) return;
      const size = (each: corev1.PersistentVolumeClaim) => each.spec?.resources?.requests?.storage ?? '0';
      if (compareQuantities(size(claim), size(old)) <= 0) return;
      if (old.status?.phase !== 'Bound') throw forbidden(attributes, 'Only bound persistent volume claims can be expanded');
      const name = classOf(claim);
      const found = name !== '' && name === classOf(old) ? attributes.reader.get(storagev1.storageclasses, name) : undefined;
      if (!found?.allowVolumeExpansion) {
        const why = 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
        throw forbidden(attributes, why);
      }
    },
  };
}

const INGRESS_CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const DEFAULT_INGRESS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

export function defaultIngressClass(): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    admit(attributes) {
      const ingress = handled<networkingv1.Ingress>(attributes, 'networking.k8s.io', 'ingresses', 'CREATE');
      if (!ingress || ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata?.annotations?.[INGRESS_CLASS_ANNOTATION] !== undefined) return;
      const isDefault = (each: KubeObject) => each.metadata?.annotations?.[DEFAULT_INGRESS_ANNOTATION] === 'true';
      const chosen = newest(attributes.reader.list(networkingv1.ingressclasses).filter(isDefault));
      if (chosen) ingress.spec = { ...ingress.spec, ingressClassName: chosen.metadata!.name! };
    },
  };
}
