import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import { readerOf } from '../../test/reader-of.ts';
import type { AuthorizationAttributes, Decision } from '../interfaces.ts';
import { nodeAuthorizer } from './node-authorizer.ts';

const NODE = { name: 'system:node:n1', groups: ['system:nodes'] };

const pod = (name: string, nodeName: string, spec: object): KubeObject =>
  ({ kind: 'Pod', metadata: { name, namespace: 'ns' }, spec: { nodeName, containers: [], ...spec } }) as KubeObject;

const WORLD = [
  pod('mine', 'n1', {
    serviceAccountName: 'robot',
    imagePullSecrets: [{ name: 'pull' }],
    containers: [{ name: 'c', envFrom: [{ secretRef: { name: 'env' } }, { configMapRef: { name: 'config' } }] }],
    volumes: [
      { name: 'a', secret: { secretName: 'mounted' } },
      { name: 'b', persistentVolumeClaim: { claimName: 'claim' } },
      { name: 'c', projected: { sources: [{ configMap: { name: 'projected' } }] } },
      { name: 'd', ephemeral: {} },
    ],
  }),
  pod('theirs', 'n2', { serviceAccountName: 'other', volumes: [{ name: 'a', secret: { secretName: 'foreign' } }] }),
  { kind: 'PersistentVolumeClaim', metadata: { name: 'claim', namespace: 'ns' }, spec: { volumeName: 'volume' } },
  {
    kind: 'PersistentVolume',
    metadata: { name: 'volume' },
    spec: { csi: { driver: 'd', nodePublishSecretRef: { name: 'publish', namespace: 'storage' } }, claimRef: { namespace: 'ns' } },
  },
  { kind: 'VolumeAttachment', metadata: { name: 'attached' }, spec: { nodeName: 'n1' } },
  { kind: 'VolumeAttachment', metadata: { name: 'elsewhere' }, spec: { nodeName: 'n2' } },
] as KubeObject[];

/** `verb resource[.group][/subresource][:name] [namespace] [field selector]` */
function ask(question: string): AuthorizationAttributes {
  const [verb, what, namespace = '', fieldSelector] = question.split(' ') as [string, string, string?, string?];
  const [full, name = ''] = what.split(':');
  const [qualified, subresource = ''] = full!.split('/');
  const [resource, ...group] = qualified!.split('.');
  const base = { user: NODE, isResourceRequest: true, path: '', apiVersion: 'v1', namespace: namespace === '-' ? '' : namespace };
  const attributes = { ...base, verb, apiGroup: group.join('.'), resource: resource!, subresource, name };
  return fieldSelector ? { ...attributes, fieldSelector } : attributes;
}

const ALLOWED = [
  'get secrets:pull ns',
  'get secrets:env ns',
  'watch secrets:mounted ns',
  'get secrets:publish storage',
  'get configmaps:config ns',
  'get configmaps:projected ns',
  'get persistentvolumeclaims:claim ns',
  'get persistentvolumeclaims:mine-d ns',
  'patch persistentvolumeclaims/status:claim ns',
  'get persistentvolumes:volume',
  'get volumeattachments.storage.k8s.io:attached',
  'create serviceaccounts/token:robot ns',
  'get serviceaccounts:robot ns',
  'update leases.coordination.k8s.io:n1 kube-node-lease',
  'get csinodes.storage.k8s.io:n1',
  'get nodes:n1',
  'create nodes',
  'patch nodes/status:n1',
  'list pods - spec.nodeName=n1',
  'get pods:mine ns',
  'patch pods/status:mine ns',
  'create pods/eviction:mine ns',
  'list services',
  'create events ns',
  'create resourceslices.resource.k8s.io',
  'list resourceslices.resource.k8s.io - spec.nodeName=n1',
  'create subjectaccessreviews.authorization.k8s.io',
];

const REFUSED: [string, string?][] = [
  ['get secrets:foreign ns', "no relationship found between node 'n1' and this object"],
  ['get secrets:pull other'],
  ['list secrets ns', 'No Object name found'],
  ['update secrets:pull ns', 'can only read resources of this type'],
  ['get persistentvolumes:other'],
  ['get volumeattachments.storage.k8s.io:elsewhere'],
  ['create serviceaccounts/token:other ns'],
  ['update leases.coordination.k8s.io:n2 kube-node-lease', 'can only access node lease with the same name as the requesting node'],
  ['update leases.coordination.k8s.io:n1 default', 'can only access leases in the "kube-node-lease" system namespace'],
  ['get nodes:n2', "node 'n1' cannot read 'n2', only its own Node object"],
  ['list nodes', "node 'n1' cannot read all nodes, only its own Node object"],
  ['delete nodes:n1'],
  ['list pods', 'can only list/watch pods with spec.nodeName field selector'],
  ['list pods - spec.nodeName!=n1'],
  ['get pods:theirs ns'],
  ['create deployments.apps ns'],
];

test('a node reaches what its pods need and nothing else', () => {
  const authorizer = nodeAuthorizer(readerOf(...WORLD));
  for (const question of ALLOWED) assert.equal((authorizer.authorize(ask(question)) as Decision).decision, 'allow', question);
  for (const [question, reason] of REFUSED) {
    const { decision, reason: said } = authorizer.authorize(ask(question)) as Decision;
    assert.equal(decision, 'noOpinion', question);
    if (reason !== undefined) assert.equal(said, reason, question);
  }
  const stranger = { ...ask('get nodes:n1'), user: { name: 'system:node:n1', groups: [] } };
  assert.equal((authorizer.authorize(stranger) as Decision).decision, 'noOpinion', 'a name alone makes no node');
});
