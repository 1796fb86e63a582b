// Who holds the cluster's own roles, v1.36
// (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,controller_policy}.go).
import type { BindingData } from './policy-data.ts';

export const CLUSTER_BINDINGS: readonly BindingData[] = [
  { name: 'cluster-admin', role: 'ClusterRole:cluster-admin', subjects: ['group:system:masters'] },
  { name: 'system:basic-user', role: 'ClusterRole:system:basic-user', subjects: ['group:system:authenticated'] },
  { name: 'system:discovery', role: 'ClusterRole:system:discovery', subjects: ['group:system:authenticated'] },
  {
    name: 'system:kube-controller-manager',
    role: 'ClusterRole:system:kube-controller-manager',
    subjects: ['user:system:kube-controller-manager'],
  },
  { name: 'system:kube-dns', role: 'ClusterRole:system:kube-dns', subjects: ['serviceaccount:kube-system:kube-dns'] },
  { name: 'system:kube-scheduler', role: 'ClusterRole:system:kube-scheduler', subjects: ['user:system:kube-scheduler'] },
  { name: 'system:monitoring', role: 'ClusterRole:system:monitoring', subjects: ['group:system:monitoring'] },
  { name: 'system:node', role: 'ClusterRole:system:node', subjects: [] },
  { name: 'system:node-proxier', role: 'ClusterRole:system:node-proxier', subjects: ['user:system:kube-proxy'] },
  {
    name: 'system:public-info-viewer',
    role: 'ClusterRole:system:public-info-viewer',
    subjects: ['group:system:authenticated', 'group:system:unauthenticated'],
  },
  {
    name: 'system:service-account-issuer-discovery',
    role: 'ClusterRole:system:service-account-issuer-discovery',
    subjects: ['group:system:serviceaccounts'],
  },
  { name: 'system:volume-scheduler', role: 'ClusterRole:system:volume-scheduler', subjects: ['user:system:kube-scheduler'] },
];

export const CONTROLLER_BINDINGS: readonly BindingData[] = [
  {
    name: 'system:controller:attachdetach-controller',
    role: 'ClusterRole:system:controller:attachdetach-controller',
    subjects: ['serviceaccount:kube-system:attachdetach-controller'],
  },
  {
    name: 'system:controller:certificate-controller',
    role: 'ClusterRole:system:controller:certificate-controller',
    subjects: ['serviceaccount:kube-system:certificate-controller'],
  },
  {
    name: 'system:controller:clusterrole-aggregation-controller',
    role: 'ClusterRole:system:controller:clusterrole-aggregation-controller',
    subjects: ['serviceaccount:kube-system:clusterrole-aggregation-controller'],
  },
  {
    name: 'system:controller:cronjob-controller',
    role: 'ClusterRole:system:controller:cronjob-controller',
    subjects: ['serviceaccount:kube-system:cronjob-controller'],
  },
  {
    name: 'system:controller:daemon-set-controller',
    role: 'ClusterRole:system:controller:daemon-set-controller',
    subjects: ['serviceaccount:kube-system:daemon-set-controller'],
  },
  {
    name: 'system:controller:deployment-controller',
    role: 'ClusterRole:system:controller:deployment-controller',
    subjects: ['serviceaccount:kube-system:deployment-controller'],
  },
  {
    name: 'system:controller:device-taint-eviction-controller',
    role: 'ClusterRole:system:controller:device-taint-eviction-controller',
    subjects: ['serviceaccount:kube-system:device-taint-eviction-controller'],
  },
  {
    name: 'system:controller:disruption-controller',
    role: 'ClusterRole:system:controller:disruption-controller',
    subjects: ['serviceaccount:kube-system:disruption-controller'],
  },
  {
    name: 'system:controller:endpoint-controller',
    role: 'ClusterRole:system:controller:endpoint-controller',
    subjects: ['serviceaccount:kube-system:endpoint-controller'],
  },
  {
    name: 'system:controller:endpointslice-controller',
    role: 'ClusterRole:system:controller:endpointslice-controller',
    subjects: ['serviceaccount:kube-system:endpointslice-controller'],
  },
  {
    name: 'system:controller:endpointslicemirroring-controller',
    role: 'ClusterRole:system:controller:endpointslicemirroring-controller',
    subjects: ['serviceaccount:kube-system:endpointslicemirroring-controller'],
  },
  {
    name: 'system:controller:ephemeral-volume-controller',
    role: 'ClusterRole:system:controller:ephemeral-volume-controller',
    subjects: ['serviceaccount:kube-system:ephemeral-volume-controller'],
  },
  {
    name: 'system:controller:expand-controller',
    role: 'ClusterRole:system:controller:expand-controller',
    subjects: ['serviceaccount:kube-system:expand-controller'],
  },
  {
    name: 'system:controller:generic-garbage-collector',
    role: 'ClusterRole:system:controller:generic-garbage-collector',
    subjects: ['serviceaccount:kube-system:generic-garbage-collector'],
  },
  {
    name: 'system:controller:horizontal-pod-autoscaler',
    role: 'ClusterRole:system:controller:horizontal-pod-autoscaler',
    subjects: ['serviceaccount:kube-system:horizontal-pod-autoscaler'],
  },
  {
    name: 'system:controller:job-controller',
    role: 'ClusterRole:system:controller:job-controller',
    subjects: ['serviceaccount:kube-system:job-controller'],
  },
  {
    name: 'system:controller:legacy-service-account-token-cleaner',
    role: 'ClusterRole:system:controller:legacy-service-account-token-cleaner',
    subjects: ['serviceaccount:kube-system:legacy-service-account-token-cleaner'],
  },
  {
    name: 'system:controller:namespace-controller',
    role: 'ClusterRole:system:controller:namespace-controller',
    subjects: ['serviceaccount:kube-system:namespace-controller'],
  },
  {
    name: 'system:controller:node-controller',
    role: 'ClusterRole:system:controller:node-controller',
    subjects: ['serviceaccount:kube-system:node-controller'],
  },
  {
    name: 'system:controller:persistent-volume-binder',
    role: 'ClusterRole:system:controller:persistent-volume-binder',
    subjects: ['serviceaccount:kube-system:persistent-volume-binder'],
  },
  {
    name: 'system:controller:pod-garbage-collector',
    role: 'ClusterRole:system:controller:pod-garbage-collector',
    subjects: ['serviceaccount:kube-system:pod-garbage-collector'],
  },
  {
    name: 'system:controller:pv-protection-controller',
    role: 'ClusterRole:system:controller:pv-protection-controller',
    subjects: ['serviceaccount:kube-system:pv-protection-controller'],
  },
  {
    name: 'system:controller:pvc-protection-controller',
    role: 'ClusterRole:system:controller:pvc-protection-controller',
    subjects: ['serviceaccount:kube-system:pvc-protection-controller'],
  },
  {
    name: 'system:controller:replicaset-controller',
    role: 'ClusterRole:system:controller:replicaset-controller',
    subjects: ['serviceaccount:kube-system:replicaset-controller'],
  },
  {
    name: 'system:controller:replication-controller',
    role: 'ClusterRole:system:controller:replication-controller',
    subjects: ['serviceaccount:kube-system:replication-controller'],
  },
  {
    name: 'system:controller:resource-claim-controller',
    role: 'ClusterRole:system:controller:resource-claim-controller',
    subjects: ['serviceaccount:kube-system:resource-claim-controller'],
  },
  {
    name: 'system:controller:resourcequota-controller',
    role: 'ClusterRole:system:controller:resourcequota-controller',
    subjects: ['serviceaccount:kube-system:resourcequota-controller'],
  },
  {
    name: 'system:controller:root-ca-cert-publisher',
    role: 'ClusterRole:system:controller:root-ca-cert-publisher',
    subjects: ['serviceaccount:kube-system:root-ca-cert-publisher'],
  },
  {
    name: 'system:controller:route-controller',
    role: 'ClusterRole:system:controller:route-controller',
    subjects: ['serviceaccount:kube-system:route-controller'],
  },
  {
    name: 'system:controller:selinux-warning-controller',
    role: 'ClusterRole:system:controller:selinux-warning-controller',
    subjects: ['serviceaccount:kube-system:selinux-warning-controller'],
  },
  {
    name: 'system:controller:service-account-controller',
    role: 'ClusterRole:system:controller:service-account-controller',
    subjects: ['serviceaccount:kube-system:service-account-controller'],
  },
  {
    name: 'system:controller:service-cidrs-controller',
    role: 'ClusterRole:system:controller:service-cidrs-controller',
    subjects: ['serviceaccount:kube-system:service-cidrs-controller'],
  },
  {
    name: 'system:controller:service-controller',
    role: 'ClusterRole:system:controller:service-controller',
    subjects: ['serviceaccount:kube-system:service-controller'],
  },
  {
    name: 'system:controller:statefulset-controller',
    role: 'ClusterRole:system:controller:statefulset-controller',
    subjects: ['serviceaccount:kube-system:statefulset-controller'],
  },
  {
    name: 'system:controller:ttl-after-finished-controller',
    role: 'ClusterRole:system:controller:ttl-after-finished-controller',
    subjects: ['serviceaccount:kube-system:ttl-after-finished-controller'],
  },
  {
    name: 'system:controller:ttl-controller',
    role: 'ClusterRole:system:controller:ttl-controller',
    subjects: ['serviceaccount:kube-system:ttl-controller'],
  },
  {
    name: 'system:controller:validatingadmissionpolicy-status-controller',
    role: 'ClusterRole:system:controller:validatingadmissionpolicy-status-controller',
    subjects: ['serviceaccount:kube-system:validatingadmissionpolicy-status-controller'],
  },
  {
    name: 'system:controller:volumeattributesclass-protection-controller',
    role: 'ClusterRole:system:controller:volumeattributesclass-protection-controller',
    subjects: ['serviceaccount:kube-system:volumeattributesclass-protection-controller'],
  },
];
