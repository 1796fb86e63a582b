import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, resourcev1 } from '@tiphys/api';
import { NAMESPACE, startTestCluster } from '../testing/cluster.ts';
import { planText } from '../testing/plan.ts';
import { claimPrefix } from './pod-claims.ts';
import { podClaimsController } from './pod-claims-controller.ts';
import { resourceClaimController } from './resource-claim-controller.ts';

const requests = [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }];

const template = (): resourcev1.ResourceClaimTemplate => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaimTemplate',
  metadata: { name: 'gpus', namespace: NAMESPACE },
  spec: { metadata: { labels: { tier: 'fast' } }, spec: { devices: { requests } } },
});

const podOf = (name: string, status: corev1.PodStatus = {}): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE, uid: `uid-${name}`, labels: { run: 'never' } },
  spec: {
    containers: [{ name: 'c', image: 'x', resources: { claims: [{ name: 'device' }] } }],
    resourceClaims: [{ name: 'device', resourceClaimTemplateName: 'gpus' }],
  },
  status,
});

const claimOf = (name: string, owner: corev1.Pod, more: Partial<resourcev1.ResourceClaim> = {}): resourcev1.ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: {
    name,
    namespace: NAMESPACE,
    uid: `uid-${name}`,
    annotations: { 'resource.kubernetes.io/pod-claim-name': 'device' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: owner.metadata!.name!, uid: owner.metadata!.uid!, controller: true }],
  },
  spec: { devices: { requests } },
  ...more,
});

test('plans: make, find again, leave alone, make anew, complain', () => {
  const pod = podOf('p');
  const told = podOf('p', { resourceClaimStatuses: [{ name: 'device', resourceClaimName: 'p-device-1' }] });
  const text = (one: corev1.Pod, others: object[]) =>
    planText(podClaimsController, one, others, 0, { results: [claimOf('p-device-x', pod)] });
  const make = 'create resourceclaims default/p-device-*: made for device of the pod\npatch pods/status default/p: its claims are made';
  assert.equal(text(pod, [template()]), make);
  assert.equal(text(pod, [template(), claimOf('p-device-1', pod)]), 'patch pods/status default/p: its claims are made');
  assert.equal(text(told, [template(), claimOf('p-device-1', pod)]), '');
  assert.equal(text(told, [template()]), make);
  assert.equal(text(told, [template(), claimOf('p-device-1', podOf('other'))]), make);
  assert.equal(text(podOf('p', { resourceClaimStatuses: [{ name: 'device' }] }), [template()]), '');
  assert.equal(
    text(pod, []),
    'event Warning FailedResourceClaimCreation: PodResourceClaim device: resource claim template "gpus": resourceclaimtemplate.resource.k8s.io "gpus" not found',
  );
  assert.equal(text({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, [template()]), '');
});

test('a pod that was put on a node by hand gets its allocated claim reserved', () => {
  const pod = podOf('p', { resourceClaimStatuses: [{ name: 'device', resourceClaimName: 'c' }] });
  pod.spec!.nodeName = 'n';
  const allocated = claimOf('c', pod, { status: { allocation: {} } });
  assert.equal(planText(podClaimsController, pod, [template(), allocated]), 'updateStatus resourceclaims default/c: pod p uses it');
  const reserved = claimOf('c', pod, { status: { allocation: {}, reservedFor: [{ resource: 'pods', name: 'p', uid: 'uid-p' }] } });
  assert.equal(planText(podClaimsController, pod, [template(), reserved]), '');
});

test('long names are shortened in proportion', () => {
  assert.equal(claimPrefix(podOf('p'), 'device'), 'p-device-');
  const long = claimPrefix(podOf('p'.repeat(60)), 'd'.repeat(30));
  assert.equal(long, `${'p'.repeat(37)}-${'d'.repeat(18)}`);
});

test('a claim is made from a template, freed when its pod has ended, and goes', async () => {
  await using cluster = await startTestCluster([podClaimsController, resourceClaimController]);
  await cluster.client.of(resourcev1.resourceclaimtemplates).create(template());
  const { uid: _, ...metadata } = podOf('p').metadata!;
  const created = await cluster.client.of(corev1.pods).create({ ...podOf('p'), metadata });
  const pod = await cluster.until(corev1.pods, 'p', ({ status }) => status?.resourceClaimStatuses?.[0]?.resourceClaimName !== undefined);
  const name = pod.status!.resourceClaimStatuses![0]!.resourceClaimName!;
  assert.match(name, /^p-device-[a-z0-9]{5}$/);
  assert.ok(pod.metadata?.managedFields?.some(({ manager }) => manager === 'ResourceClaimController'));
  const claims = cluster.client.of(resourcev1.resourceclaims);
  const claim = await claims.get(name, NAMESPACE);
  assert.deepEqual(claim.metadata?.labels, { tier: 'fast' });
  const held = await claims.update({ ...claim, metadata: { ...claim.metadata, finalizers: ['resource.kubernetes.io/delete-protection'] } });
  const result = { request: 'gpu', driver: 'd.example.com', pool: 'p', device: 'one' };
  const reservedFor = [{ resource: 'pods', name: 'p', uid: created.metadata!.uid! }];
  await claims.updateStatus({ ...held, status: { allocation: { devices: { results: [result] } }, reservedFor } });
  const running = await cluster.client.of(corev1.pods).get('p', NAMESPACE);
  await cluster.client.of(corev1.pods).updateStatus({ ...running, status: { ...running.status, phase: 'Succeeded' } });
  await cluster.untilAll(resourcev1.resourceclaims, (list) => list.length === 0);
});
