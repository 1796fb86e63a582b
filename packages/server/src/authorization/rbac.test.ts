import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, rbacv1 } from '@tiphys/api';
import { readerOf } from '../../test/reader-of.ts';
import type { AuthorizationAttributes } from '../interfaces.ts';
import { bootstrapPolicy } from './policy/policy.ts';
import { rbacAuthorizer } from './rbac.ts';

const API_GROUP = 'rbac.authorization.k8s.io';
const role = (name: string, rules: rbacv1.PolicyRule[], namespace?: string): KubeObject =>
  ({ kind: namespace ? 'Role' : 'ClusterRole', metadata: { name, ...(namespace ? { namespace } : {}) }, rules }) as KubeObject;
const binding = (name: string, roleRef: string, subjects: rbacv1.Subject[], namespace?: string): KubeObject => {
  const [kind, roleName] = roleRef.split(':');
  return {
    kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: { name, ...(namespace ? { namespace } : {}) },
    subjects,
    roleRef: { apiGroup: API_GROUP, kind: kind!, name: roleName! },
  } as KubeObject;
};
const user = (name: string): rbacv1.Subject => ({ kind: 'User', apiGroup: API_GROUP, name });
const group = (name: string): rbacv1.Subject => ({ kind: 'Group', apiGroup: API_GROUP, name });

/** `name[,group…] verb resource[.group][/subresource][:name] [namespace]`, or a path in place of the resource. */
function ask(text: string): AuthorizationAttributes {
  const [who, verb, what, namespace = ''] = text.split(' ') as [string, string, string, string?];
  const [name, ...groups] = who.split(',');
  const base = { user: { name: name!, groups }, verb, namespace, apiVersion: 'v1' };
  if (what.startsWith('/')) {
    return { ...base, isResourceRequest: false, path: what, apiGroup: '', resource: '', subresource: '', name: '' };
  }
  const [full, objectName = ''] = what.split(':');
  const [qualified, subresource = ''] = full!.split('/');
  const [resource, ...apiGroup] = qualified!.split('.');
  return { ...base, isResourceRequest: true, path: '', apiGroup: apiGroup.join('.'), resource: resource!, subresource, name: objectName };
}

const WORLD = [
  role('admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]),
  role('pod-reader', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] }]),
  role('scaler', [{ verbs: ['update'], apiGroups: ['apps'], resources: ['*/scale'] }]),
  role('named', [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one', 'two'] }]),
  role('paths', [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/apis/*'] }]),
  role('writer', [{ verbs: ['create'], apiGroups: [''], resources: ['secrets'] }], 'ns1'),
  binding('admins', 'ClusterRole:admin', [group('admins')]),
  binding('readers', 'ClusterRole:pod-reader', [user('ann')]),
  binding('scalers', 'ClusterRole:scaler', [user('ann')], 'ns1'),
  binding('names', 'ClusterRole:named', [{ kind: 'ServiceAccount', name: 'robot' }], 'ns1'),
  binding('writers', 'Role:writer', [user('bob'), { kind: 'ServiceAccount', name: 'robot', namespace: 'ns2' }], 'ns1'),
  binding('web', 'ClusterRole:paths', [group('system:authenticated')]),
  binding('broken', 'ClusterRole:gone', [user('eve')]),
  binding('broken', 'Role:gone', [user('eve')], 'ns1'),
];

const CASES: [string, 'allow' | 'noOpinion', string?][] = [
  ['x,admins delete nodes', 'allow', 'RBAC: allowed by ClusterRoleBinding "admins" of ClusterRole "admin" to Group "admins"'],
  ['x,admins get /healthz', 'noOpinion'],
  ['ann get pods:a ns9', 'allow', 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "pod-reader" to User "ann"'],
  ['ann get pods/log:a ns9', 'allow'],
  ['ann get pods/exec:a ns9', 'noOpinion'],
  ['ann watch pods ns9', 'noOpinion'],
  ['ann get pods.apps ns9', 'noOpinion'],
  ['ann update deployments.apps/scale:d ns1', 'allow', 'RBAC: allowed by RoleBinding "scalers/ns1" of ClusterRole "scaler" to User "ann"'],
  ['ann update deployments.apps/scale:d ns2', 'noOpinion'],
  ['ann update deployments.apps:d ns1', 'noOpinion'],
  [
    'system:serviceaccount:ns1:robot get configmaps:one ns1',
    'allow',
    'RBAC: allowed by RoleBinding "names/ns1" of ClusterRole "named" to ServiceAccount "robot/ns1"',
  ],
  ['system:serviceaccount:ns1:robot get configmaps:three ns1', 'noOpinion'],
  ['system:serviceaccount:ns1:robot list configmaps ns1', 'noOpinion'],
  ['system:serviceaccount:ns2:robot create secrets ns1', 'allow'],
  ['bob create secrets ns1', 'allow'],
  ['bob create secrets ns2', 'noOpinion'],
  ['bob create secrets', 'noOpinion'],
  ['bob,system:authenticated get /healthz', 'allow'],
  ['bob,system:authenticated get /apis/apps/v1', 'allow'],
  ['bob,system:authenticated get /apis', 'noOpinion'],
  ['bob,system:authenticated post /healthz', 'noOpinion'],
  ['eve get pods', 'noOpinion', 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'],
  [
    'eve get pods ns1',
    'noOpinion',
    'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "gone" not found]',
  ],
];

test('rules decide by verb, group, resource, name, namespace and path', () => {
  const rbac = rbacAuthorizer(readerOf(...WORLD));
  for (const [question, decision, reason] of CASES) {
    const answer = rbac.authorize(ask(question));
    assert.equal(answer.decision, decision, question);
    if (reason !== undefined) assert.equal(answer.reason, reason, question);
  }
});

test('a change of roles or bindings counts from the next question on', () => {
  const reader = readerOf(...WORLD);
  const rbac = rbacAuthorizer(reader);
  const question = ask('bob create secrets ns1');
  assert.equal(rbac.authorize(question).decision, 'allow');
  reader.put(role('writer', [], 'ns1'));
  assert.equal(rbac.authorize(question).decision, 'noOpinion');
  reader.put(role('writer', [{ verbs: ['*'], apiGroups: [''], resources: ['secrets'] }], 'ns1'));
  assert.equal(rbac.authorize(question).decision, 'allow');
  reader.remove('RoleBinding', 'writers', 'ns1');
  assert.equal(rbac.authorize(question).decision, 'noOpinion');
});

test('the bootstrap policy has upstream’s roles and lets its own components work', () => {
  const policy = bootstrapPolicy();
  assert.deepEqual(
    [policy.clusterRoles.length, policy.clusterRoleBindings.length, policy.roles.length, policy.roleBindings.length],
    [69, 50, 7, 7],
  );
  const rbac = rbacAuthorizer(readerOf(...policy.clusterRoles, ...policy.clusterRoleBindings, ...policy.roles, ...policy.roleBindings));
  const allowed = (question: string) => rbac.authorize(ask(question)).decision === 'allow';
  assert.ok(allowed('root,system:masters delete nodes:a'));
  assert.ok(allowed('root,system:masters get /metrics'));
  assert.ok(allowed('system:anonymous,system:unauthenticated get /version'));
  assert.ok(!allowed('system:anonymous,system:unauthenticated get /apis'));
  assert.ok(allowed('ann,system:authenticated create selfsubjectaccessreviews.authorization.k8s.io'));
  assert.ok(allowed('system:kube-scheduler create pods/binding:a ns1'));
  assert.ok(allowed('system:serviceaccount:kube-system:deployment-controller create replicasets.apps ns1'));
  assert.ok(!allowed('system:serviceaccount:kube-system:deployment-controller delete nodes:a'));
  assert.ok(!allowed('system:node:a,system:nodes get secrets:s ns1'));
});
