// The few objects that a cluster with real nodes has beside upstream's: cluster DNS and what its server may read.
import { corev1, discoveryv1, type KubeObject, type ResourceType, rbacv1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { type DnsObjectsOptions, dnsObjects } from '@tiphys/network';

export const DNS_USER = 'system:serviceaccount:kube-system:coredns';

const name = 'system:coredns';
const labels = { 'kubernetes.io/bootstrapping': 'tiphys' };

/** As kubeadm gives it to CoreDNS. */
const dnsRole: rbacv1.ClusterRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  rules: [
    { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ],
};

const dnsBinding: rbacv1.ClusterRoleBinding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name, labels },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' }],
};

const FIELD_MANAGER = 'tiphys';

async function apply<T extends KubeObject>(client: Client, type: ResourceType<T>, object: T): Promise<void> {
  const { name: objectName, namespace } = object.metadata!;
  await client.of(type).patch(objectName!, namespace, 'apply', object, { fieldManager: FIELD_MANAGER, force: true });
}

/** Creates or repairs them. */
export async function applyAddOns(client: Client, dns: DnsObjectsOptions): Promise<void> {
  const { service, endpointSlice } = dnsObjects(dns);
  await Promise.all([
    apply(client, rbacv1.clusterroles, dnsRole),
    apply(client, rbacv1.clusterrolebindings, dnsBinding),
    apply(client, corev1.services, service as corev1.Service),
    apply(client, discoveryv1.endpointslices, endpointSlice as discoveryv1.EndpointSlice),
  ]);
}
