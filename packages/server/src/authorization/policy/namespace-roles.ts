// Roles and their bindings within kube-system and kube-public, v1.36
// (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/namespace_policy.go).
import { type BindingData, type RoleData, rule } from './policy-data.ts';

export const NAMESPACE_ROLES: readonly RoleData[] = [
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-public',
    rules: [
      rule('get list watch', 'core', 'configmaps'),
      rule('update', 'core', 'configmaps', 'cluster-info'),
      rule('create patch update', 'core events.k8s.io', 'events'),
    ],
  },
  {
    name: 'extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    rules: [rule('get list watch', 'core', 'configmaps', 'extension-apiserver-authentication')],
  },
  {
    name: 'system::leader-locking-kube-controller-manager',
    namespace: 'kube-system',
    rules: [
      rule('create get list update watch', 'coordination.k8s.io', 'leases'),
      rule('create get list update watch', 'coordination.k8s.io', 'leasecandidates'),
    ],
  },
  {
    name: 'system::leader-locking-kube-scheduler',
    namespace: 'kube-system',
    rules: [
      rule('create get list update watch', 'coordination.k8s.io', 'leases'),
      rule('create get list update watch', 'coordination.k8s.io', 'leasecandidates'),
    ],
  },
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-system',
    rules: [rule('get list watch', 'core', 'secrets')],
  },
  {
    name: 'system:controller:cloud-provider',
    namespace: 'kube-system',
    rules: [rule('create get list watch', 'core', 'configmaps')],
  },
  {
    name: 'system:controller:token-cleaner',
    namespace: 'kube-system',
    rules: [rule('delete get list watch', 'core', 'secrets'), rule('create patch update', 'core events.k8s.io', 'events')],
  },
];

export const NAMESPACE_BINDINGS: readonly BindingData[] = [
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-public',
    role: 'Role:system:controller:bootstrap-signer',
    subjects: ['serviceaccount:kube-system:bootstrap-signer'],
  },
  {
    name: 'system::extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    role: 'Role:extension-apiserver-authentication-reader',
    subjects: ['user:system:kube-controller-manager', 'user:system:kube-scheduler'],
  },
  {
    name: 'system::leader-locking-kube-controller-manager',
    namespace: 'kube-system',
    role: 'Role:system::leader-locking-kube-controller-manager',
    subjects: [
      'user:system:kube-controller-manager',
      'serviceaccount:kube-system:kube-controller-manager',
      'serviceaccount:kube-system:leader-election-controller',
    ],
  },
  {
    name: 'system::leader-locking-kube-scheduler',
    namespace: 'kube-system',
    role: 'Role:system::leader-locking-kube-scheduler',
    subjects: ['user:system:kube-scheduler', 'serviceaccount:kube-system:kube-scheduler'],
  },
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-system',
    role: 'Role:system:controller:bootstrap-signer',
    subjects: ['serviceaccount:kube-system:bootstrap-signer'],
  },
  {
    name: 'system:controller:cloud-provider',
    namespace: 'kube-system',
    role: 'Role:system:controller:cloud-provider',
    subjects: ['serviceaccount:kube-system:cloud-provider'],
  },
  {
    name: 'system:controller:token-cleaner',
    namespace: 'kube-system',
    role: 'Role:system:controller:token-cleaner',
    subjects: ['serviceaccount:kube-system:token-cleaner'],
  },
];
