// Nothing is created in a namespace that is gone or going (apiserver admission/plugin/namespace/lifecycle).
import { corev1 } from '@tiphys/api';
import { StatusError, statusError } from '@tiphys/machinery';
import type { AdmissionPlugin } from '../interfaces.ts';
import { forbidden, isResource } from './attributes.ts';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export function namespaceLifecycle(): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    admit(attributes) {
      const { operation, namespace } = attributes;
      if (operation === 'CONNECT') return;
      if (isResource(attributes, '', 'namespaces')) {
        if (operation === 'DELETE' && attributes.subresource === '' && IMMORTAL.has(attributes.name)) {
          throw statusError.forbidden(attributes.type, attributes.name, 'this namespace may not be deleted');
        }
        return;
      }
      if (namespace === '' || operation === 'DELETE') return;
      // What a refusal would tell about the namespace must not be learnt this way.
      if (isResource(attributes, 'authorization.k8s.io', 'localsubjectaccessreviews')) return;
      const found = attributes.reader.get(corev1.namespaces, namespace);
      if (!found) throw statusError.notFound(corev1.namespaces, namespace);
      if (operation !== 'CREATE' || found.status?.phase !== 'Terminating') return;
      const refusal = forbidden(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`);
      const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
      throw new StatusError(refusal.code, refusal.reason, refusal.message, { ...refusal.details, causes: [cause] });
    },
  };
}
