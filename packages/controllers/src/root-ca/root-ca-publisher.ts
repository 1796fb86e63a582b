// Puts the cluster's authority into every namespace as ConfigMap kube-root-ca.crt (pkg/controller/certificates/rootcacertpublisher).
import { corev1 } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { create, update } from '../runtime/actions.ts';
import { type Controller, defineController } from '../runtime/controller.ts';
import { annotationsOf, nameOf, namespaceOf } from '../runtime/objects.ts';

const NAME = 'kube-root-ca.crt';
const DESCRIPTION_ANNOTATION = 'kubernetes.io/description';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export function rootCaPublisher(rootCertificatePem: string): Controller<corev1.Namespace> {
  return defineController<corev1.Namespace>({
    name: 'root-ca-cert-publisher',
    for: corev1.namespaces,
    watches: [{ type: corev1.configmaps, keys: (map) => (nameOf(map) === NAME ? [`/${namespaceOf(map)}`] : []) }],
    plan({ object, get }) {
      if (object.status?.phase === 'Terminating' || object.metadata?.deletionTimestamp) return [];
      const namespace = nameOf(object);
      const annotations = { [DESCRIPTION_ANNOTATION]: DESCRIPTION };
      const data = { 'ca.crt': rootCertificatePem };
      const existing = get(corev1.configmaps, NAME, namespace);
      if (!existing) {
        const map: corev1.ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace, annotations }, data };
        return [create(corev1.configmaps, map, 'the namespace does not have the authority', { tolerate: isAlreadyExists })];
      }
      const same =
        existing.data?.['ca.crt'] === rootCertificatePem &&
        Object.keys(existing.data).length === 1 &&
        annotationsOf(existing)[DESCRIPTION_ANNOTATION] === DESCRIPTION;
      if (same) return [];
      const mended = { ...existing, data, metadata: { ...existing.metadata, annotations: { ...annotationsOf(existing), ...annotations } } };
      return [update(corev1.configmaps, mended, 'someone changed it')];
    },
  });
}
