import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1, type KubeObject, type OwnerReference, type ResourceType } from '@tiphys/api';
import { OwnerGraph } from './graph.ts';

const owner = (uid: string, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  blockOwnerDeletion,
});
const object = (uid: string, owners: OwnerReference[] = [], more: object = {}): KubeObject => ({
  metadata: { name: uid, namespace: 'n', uid, ownerReferences: owners, ...more },
});
const put = (graph: OwnerGraph, type: ResourceType, o: KubeObject) => graph.observe(type, type.group ? 'apps/v1' : 'v1', o).toDelete;

test('a dependent is looked at when its owner was not seen, and when the owner goes', () => {
  const graph = new OwnerGraph();
  assert.deepEqual(put(graph, corev1.pods, object('early', [owner('rs')])), ['early']);
  assert.deepEqual(put(graph, corev1.pods, object('early', [owner('rs')])), [], 'nothing new');
  assert.deepEqual(put(graph, appsv1.replicasets, object('rs')), []);
  assert.deepEqual(put(graph, corev1.pods, object('pod', [owner('rs')])), []);
  assert.deepEqual(graph.gone('rs').toDelete, ['early', 'pod']);
  assert.deepEqual(put(graph, corev1.pods, object('late', [owner('rs')])), ['late']);
});

test('a dependent is looked at when its owner is another than it says, or is being deleted', () => {
  const graph = new OwnerGraph();
  put(graph, appsv1.replicasets, object('rs'));
  const right = owner('rs');
  assert.deepEqual(put(graph, corev1.pods, object('name', [{ ...right, name: 'x' }])), ['name']);
  assert.deepEqual(put(graph, corev1.pods, object('kind', [{ ...right, kind: 'Deployment' }])), ['kind']);
  assert.deepEqual(put(graph, corev1.pods, object('version', [{ ...right, apiVersion: 'apps/v2' }])), ['version']);
  assert.deepEqual(put(graph, corev1.pods, object('elsewhere', [right], { namespace: 'm' })), ['elsewhere']);
  put(graph, appsv1.replicasets, object('rs', [], { deletionTimestamp: 't', finalizers: ['x'] }));
  assert.deepEqual(put(graph, corev1.pods, object('late', [right])), ['late']);
});

test('a dependent that comes before its owner makes an owner that is only named', () => {
  const graph = new OwnerGraph();
  put(graph, corev1.pods, object('pod', [owner('rs')]));
  assert.equal(graph.get('rs')?.type, undefined);
  put(graph, appsv1.replicasets, object('rs'));
  assert.equal(graph.get('rs')?.dependents.size, 1);
});

test('foreground deletion: dependents are looked at, and the owner when the last blocking one goes', () => {
  const graph = new OwnerGraph();
  put(graph, appsv1.replicasets, object('rs'));
  put(graph, corev1.pods, object('pod', [owner('rs', true)]));
  const deleting = object('rs', [], { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] });
  assert.deepEqual([...put(graph, appsv1.replicasets, deleting)].sort(), ['pod', 'rs']);
  assert.equal(graph.blockingDependents(graph.get('rs')!).length, 1);
  assert.deepEqual(graph.gone('pod').toDelete, ['rs']);
  assert.equal(graph.blockingDependents(graph.get('rs')!).length, 0);
});

test('a dependent that no longer blocks lets the waiting owner go on', () => {
  const graph = new OwnerGraph();
  put(graph, appsv1.replicasets, object('rs', [], { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] }));
  put(graph, corev1.pods, object('pod', [owner('rs', true)]));
  assert.ok(put(graph, corev1.pods, object('pod', [owner('rs', false)])).includes('rs'));
});

test('an orphaning owner is reported, and nothing is kept of what is gone', () => {
  const graph = new OwnerGraph();
  put(graph, appsv1.replicasets, object('rs'));
  const work = graph.observe(appsv1.replicasets, 'apps/v1', object('rs', [], { deletionTimestamp: 't', finalizers: ['orphan'] }));
  assert.deepEqual(work.toOrphan, ['rs']);
  put(graph, corev1.pods, object('pod', [owner('rs')]));
  put(graph, corev1.pods, object('pod', []));
  graph.gone('pod');
  graph.gone('rs');
  assert.equal(graph.size, 0);
});
