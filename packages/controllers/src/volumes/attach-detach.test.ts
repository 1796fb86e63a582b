import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, KubeObject, storagev1 } from '@tiphys/api';
import { nowAt } from '../testing/objects.ts';
import { planText } from '../testing/plan.ts';
import { attachDetachControllers } from './attach-detach-controller.ts';
import { attachmentName } from './attachments.ts';
import { expandController } from './expand-controller.ts';

const [attacher, detacher] = attachDetachControllers;

const UNIQUE = 'kubernetes.io/csi/d.example.com^vol-1';

const volume = (mode = 'ReadWriteOnce'): corev1.PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'pv' },
  spec: {
    accessModes: [mode],
    csi: { driver: 'd.example.com', volumeHandle: 'vol-1' },
    claimRef: { name: 'claim', namespace: 'default', uid: 'uid-claim' },
  },
});

const claim = (request = '1Gi'): corev1.PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'claim', namespace: 'default', uid: 'uid-claim' },
  spec: { volumeName: 'pv', resources: { requests: { storage: request } } },
  status: { phase: 'Bound', capacity: { storage: '1Gi' } },
});

const podOn = (node: string, phase = 'Pending'): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid: 'uid-p' },
  spec: { nodeName: node, containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }] },
  status: { phase },
});

const node = (name: string, status: corev1.NodeStatus = {}, taints: corev1.Taint[] = []): corev1.Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
  spec: { taints },
  status: { conditions: [{ type: 'Ready', status: 'True' }], ...status },
});

const attachment = (on: string, status?: storagev1.VolumeAttachmentStatus): storagev1.VolumeAttachment => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttachment',
  metadata: { name: attachmentName(volume(), on), uid: `uid-${on}` },
  spec: { attacher: 'd.example.com', nodeName: on, source: { persistentVolumeName: 'pv' } },
  ...(status ? { status } : {}),
});

const NAME = attachmentName(volume(), 'a');
const attach = (one: corev1.Node, others: KubeObject[]) => planText(attacher!, one, others, nowAt(0));
const detach = (one: storagev1.VolumeAttachment, others: KubeObject[]) => planText(detacher!, one, others, nowAt(0));

test('an attachment is made for a pod, told when it is there, and shown on the node', () => {
  assert.match(NAME, /^csi-[0-9a-f]{64}$/);
  const world = [volume(), claim(), podOn('a')];
  assert.equal(attach(node('a'), world), `create volumeattachments ${NAME}: a pod on a needs it`);
  assert.equal(attach(node('a'), [...world, attachment('a')]), '');
  assert.equal(
    attach(node('a'), [...world, attachment('a', { attached: true })]),
    'event Normal SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "pv" \npatch nodes/status a: what is attached has changed',
  );
  assert.equal(
    attach(node('a', { volumesAttached: [{ name: UNIQUE, devicePath: '' }] }), [...world, attachment('a', { attached: true })]),
    '',
  );
  assert.equal(
    attach(node('a'), [...world, attachment('a', { attached: false, attachError: { message: 'no room' } })]),
    'event Warning FailedAttachVolume: AttachVolume.Attach failed for volume "pv" : no room',
  );
});

test('nothing is attached for ended pods, unmanaged nodes and drivers that need none', () => {
  assert.equal(attach(node('a'), [volume(), claim(), podOn('a', 'Succeeded')]), '');
  assert.equal(attach({ ...node('a'), metadata: { name: 'a' } }, [volume(), claim(), podOn('a')]), '');
  const driver: storagev1.CSIDriver = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'd.example.com' },
    spec: { attachRequired: false },
  };
  assert.equal(attach(node('a'), [volume(), claim(), podOn('a'), driver]), '');
});

test('an exclusive volume waits for the other node, a shared one does not', () => {
  const elsewhere = attachment('b', { attached: true });
  assert.match(
    attach(node('a'), [volume(), claim(), podOn('a'), elsewhere]),
    /^event Warning FailedAttachVolume: Multi-Attach error for volume "pv"/,
  );
  assert.match(attach(node('a'), [volume('ReadWriteMany'), claim(), podOn('a'), elsewhere]), /^create volumeattachments /);
});

test('a volume is detached when the node has let go, or is gone, or out of service', () => {
  const attached = attachment('a', { attached: true });
  const go = `delete volumeattachments ${NAME}: no pod on its node needs it`;
  assert.equal(detach(attached, [volume(), claim(), podOn('a'), node('a')]), '');
  assert.equal(detach(attached, [volume(), claim(), node('a', { volumesInUse: [UNIQUE] })]), '');
  assert.equal(
    attach(node('a', { volumesAttached: [{ name: UNIQUE, devicePath: '' }] }), [volume(), claim(), attached]),
    'patch nodes/status a: what is attached has changed',
  );
  assert.equal(detach(attached, [volume(), claim(), node('a', { volumesAttached: [{ name: UNIQUE, devicePath: '' }] })]), '');
  assert.equal(detach(attached, [volume(), claim(), node('a')]), go);
  assert.equal(detach(attached, [volume(), claim()]), go);
  const foreign = { ...attached, metadata: { name: 'made-by-hand', uid: 'u' } };
  assert.equal(detach(foreign, [volume(), claim(), node('a')]), '');
  const taints = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }];
  assert.equal(detach(attached, [volume(), claim(), node('a', { volumesInUse: [UNIQUE] }, taints)]), go);
  const ill = node('a', { volumesInUse: [UNIQUE], conditions: [{ type: 'Ready', status: 'Unknown' }] });
  assert.equal(detach(attached, [volume(), claim(), ill]), 'wake at 00:06:00: its node may still let go');
});

test('a claim that wants to grow is told who has to do it', () => {
  const told = 'event Normal ExternalExpanding: waiting for an external controller to expand this PVC';
  assert.equal(planText(expandController, claim('2Gi'), [volume()]), told);
  assert.equal(planText(expandController, claim('1Gi'), [volume()]), '');
  assert.equal(planText(expandController, claim('2Gi'), []), '');
});
