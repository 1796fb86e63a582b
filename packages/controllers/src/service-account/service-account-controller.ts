// Gives every namespace its `default` service account (pkg/controller/serviceaccount/serviceaccounts_controller.go).
import { corev1 } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { create } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { nameOf, namespaceOf } from '../runtime/objects.ts';

const DEFAULT_NAME = 'default';

export const serviceAccountController = defineController<corev1.Namespace>({
  name: 'service-account-controller',
  for: corev1.namespaces,
  watches: [
    {
      type: corev1.serviceaccounts,
      keys: (account, _snapshot, { gone }) => (gone && nameOf(account) === DEFAULT_NAME ? [`/${namespaceOf(account)}`] : []),
    },
  ],
  plan({ object, get }) {
    if (object.status?.phase === 'Terminating' || object.metadata?.deletionTimestamp) return [];
    const namespace = nameOf(object);
    if (get(corev1.serviceaccounts, DEFAULT_NAME, namespace)) return [];
    const account: corev1.ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: DEFAULT_NAME, namespace } };
    return [create(corev1.serviceaccounts, account, 'the namespace has no default service account', { tolerate: isAlreadyExists })];
  },
});
