// What a cluster holds so that machines can join it: what anybody may read of it, and what those with a token and nodes may do
// (kubeadm app/phases/bootstraptoken: clusterinfo and node; kube-proxy's binding for the nodes' own service proxies).
import { corev1, type KubeObject, type ResourceType, rbacv1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { stringify } from 'yaml';
import type { ClusterConfiguration } from '../configuration.ts';
import { CLUSTER_INFO, KUBECONFIG_KEY } from './discovery.ts';
import { APPROVER_USER } from './serving-approver.ts';
import { JOIN_GROUP, TOKEN_NAMESPACE } from './token.ts';

const RBAC = 'rbac.authorization.k8s.io';
const API_VERSION = `${RBAC}/v1`;
const FIELD_MANAGER = 'tiphys';
const NODES_GROUP = 'system:nodes';
export const SHARED_CONFIGURATION = { name: 'tiphys-config', namespace: TOKEN_NAMESPACE };

/** What every machine of the cluster must agree on. */
export type SharedConfiguration = Pick<ClusterConfiguration, 'podCidr' | 'serviceCidr' | 'clusterDomain'>;

const group = (name: string): rbacv1.Subject => ({ apiGroup: RBAC, kind: 'Group', name });
const user = (name: string): rbacv1.Subject => ({ apiGroup: RBAC, kind: 'User', name });
const rule = (apiGroup: string, resource: string, verbs: string[], resourceNames?: string[]): rbacv1.PolicyRule => ({
  apiGroups: [apiGroup],
  resources: [resource],
  verbs,
  ...(resourceNames ? { resourceNames } : {}),
});

const clusterRole = (name: string, rules: rbacv1.PolicyRule[]): rbacv1.ClusterRole => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});

const clusterBinding = (name: string, role: string, ...subjects: rbacv1.Subject[]): rbacv1.ClusterRoleBinding => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
  subjects,
});

/** May read the one ConfigMap. */
function readers(name: string, map: { name: string; namespace: string }, subjects: rbacv1.Subject[]): [rbacv1.Role, rbacv1.RoleBinding] {
  const metadata = { name, namespace: map.namespace };
  return [
    { apiVersion: API_VERSION, kind: 'Role', metadata, rules: [rule('', 'configmaps', ['get'], [map.name])] },
    { apiVersion: API_VERSION, kind: 'RoleBinding', metadata, roleRef: { apiGroup: RBAC, kind: 'Role', name }, subjects },
  ];
}

const REQUESTS = 'system:certificates.k8s.io:certificatesigningrequests';
const GET_NODES = 'tiphys:get-nodes';
const APPROVER = 'tiphys:kubelet-serving-approver';

export const JOIN_ROLES: readonly rbacv1.ClusterRole[] = [
  // Who joins looks whether the name is taken.
  clusterRole(GET_NODES, [rule('', 'nodes', ['get'])]),
  clusterRole(APPROVER, [
    rule('certificates.k8s.io', 'certificatesigningrequests/approval', ['update']),
    rule('certificates.k8s.io', 'signers', ['approve'], ['kubernetes.io/kubelet-serving']),
  ]),
];

export const JOIN_BINDINGS: readonly rbacv1.ClusterRoleBinding[] = [
  clusterBinding(GET_NODES, GET_NODES, group(JOIN_GROUP)),
  clusterBinding(APPROVER, APPROVER, user(APPROVER_USER)),
  clusterBinding('tiphys:kubelet-bootstrap', 'system:node-bootstrapper', group(JOIN_GROUP)),
  clusterBinding('tiphys:node-autoapprove-bootstrap', `${REQUESTS}:nodeclient`, group(JOIN_GROUP)),
  clusterBinding('tiphys:node-autoapprove-certificate-rotation', `${REQUESTS}:selfnodeclient`, group(NODES_GROUP)),
  clusterBinding('tiphys:node-proxier', 'system:node-proxier', group(NODES_GROUP)),
];

/** How the cluster shows itself to those who don't know it; its bootstrap signer signs it. */
function publicKubeconfig(server: string, authorityPem: string): string {
  const cluster = { 'certificate-authority-data': Buffer.from(authorityPem).toString('base64'), server };
  return stringify({ apiVersion: 'v1', kind: 'Config', clusters: [{ name: '', cluster }] });
}

async function apply<T extends KubeObject>(client: Client, type: ResourceType<T>, object: T): Promise<void> {
  const { name, namespace } = object.metadata!;
  await client.of(type).patch(name!, namespace, 'apply', object, { fieldManager: FIELD_MANAGER, force: true });
}

export interface JoinableOptions {
  /** Where other machines find the server. */
  server: string;
  authorityPem: string;
  configuration: SharedConfiguration;
  /** How state is kept: other servers can share an etcd and no file. */
  store?: 'etcd' | 'file';
}

/** Creates or repairs everything that joining needs, but for a token. `client` is the administrator's. */
export async function makeJoinable(client: Client, { server, authorityPem, configuration, store }: JoinableOptions): Promise<void> {
  const { podCidr, serviceCidr, clusterDomain } = configuration;
  const map = (metadata: typeof CLUSTER_INFO, data: Record<string, string>): corev1.ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data,
  });
  const roles = [
    readers('tiphys:cluster-info', CLUSTER_INFO, [user('system:anonymous'), group(JOIN_GROUP)]),
    readers('tiphys:configuration', SHARED_CONFIGURATION, [group(JOIN_GROUP), group(NODES_GROUP)]),
  ];
  await Promise.all([
    ...JOIN_ROLES.map((each) => apply(client, rbacv1.clusterroles, each)),
    ...JOIN_BINDINGS.map((each) => apply(client, rbacv1.clusterrolebindings, each)),
    ...roles.map(([role]) => apply(client, rbacv1.roles, role)),
    ...roles.map(([, binding]) => apply(client, rbacv1.rolebindings, binding)),
    apply(client, corev1.configmaps, map(CLUSTER_INFO, { [KUBECONFIG_KEY]: publicKubeconfig(server, authorityPem) })),
    apply(client, corev1.configmaps, map(SHARED_CONFIGURATION, { podCidr, serviceCidr, clusterDomain, ...(store ? { store } : {}) })),
  ]);
}
