import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionOf, world } from '../test-support.ts';

/** Refusals and advice that creating the object is answered with. */
function advice(kind: string, object: object, old?: object): string[] {
  const { context, warnings } = world();
  const given = { metadata: { name: 'a', namespace: 'default' }, ...object };
  const definition = definitionOf(kind);
  const errors = old
    ? definition.validateUpdate!(given, { metadata: { name: 'a', namespace: 'default' }, ...old }, context)
    : definition.validateCreate!(given, context);
  assert.deepEqual(errors, []);
  return warnings;
}

const OLD_LABEL = 'failure-domain.beta.kubernetes.io/zone';
const INSTEAD = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead';

test('labels of nodes that nobody should use are told of wherever nodes are picked', () => {
  assert.deepEqual(advice('RuntimeClass', { handler: 'runc', scheduling: { nodeSelector: { [OLD_LABEL]: 'a', zone: 'a' } } }), [
    `scheduling.nodeSelector: ${INSTEAD}`,
  ]);
  const allowedTopologies = [{ matchLabelExpressions: [{ key: OLD_LABEL, values: ['a'] }] }];
  assert.deepEqual(advice('StorageClass', { provisioner: 'p', volumeBindingMode: 'Immediate', allowedTopologies }), [
    `allowedTopologies[0].matchLabelExpressions[0].key: ${INSTEAD}`,
  ]);
  const nodeTopology = { matchLabels: { [OLD_LABEL]: 'a' }, matchExpressions: [{ key: OLD_LABEL, operator: 'Exists' }] };
  assert.deepEqual(advice('CSIStorageCapacity', { storageClassName: 'c', nodeTopology }), [
    `nodeTopology.matchExpressions[0].key: ${OLD_LABEL} is ${INSTEAD}`,
    `nodeTopology.matchLabels.${OLD_LABEL}: ${INSTEAD}`,
  ]);
});

test('addresses that are not written as they should be are told of', () => {
  const told = (path: string) => `${path}: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")`;
  const subsets = [{ addresses: [{ ip: '2001:DB8::1' }], ports: [{ port: 80, protocol: 'TCP' }] }];
  assert.deepEqual(advice('Endpoints', { subsets }), [told('subsets[0].addresses[0].ip')]);
  const managed = {
    metadata: { name: 'a', namespace: 'default', labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
  };
  assert.deepEqual(advice('Endpoints', { ...managed, subsets }), []);
  assert.deepEqual(advice('EndpointSlice', { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'] }] }), []);
  const egress = [{ to: [{ ipBlock: { cidr: '2001:DB8::/32', except: ['2001:DB8:1::/48'] } }] }];
  assert.deepEqual(advice('NetworkPolicy', { spec: { podSelector: {}, egress } }), [
    'spec.egress[0].to[0].ipBlock.cidr: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")',
    'spec.egress[0].to[0].ipBlock.except[0]: IPv6 CIDR value "2001:DB8:1::/48" should be in RFC 5952 canonical format ("2001:db8:1::/48")',
  ]);
});

test('requests above their limits, and an annotation that is new', () => {
  const hard = { cpu: '3', 'limits.cpu': '2', 'requests.memory': '1Gi', 'limits.memory': '2Gi' };
  assert.deepEqual(advice('ResourceQuota', { spec: { hard } }), ['ResourceQuota cpu (3) should be less than limits.cpu (2)']);
  const marked = { metadata: { name: 'a', namespace: 'default', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } };
  const why = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
  assert.deepEqual(advice('ServiceAccount', marked), [`metadata.annotations[kubernetes.io/enforce-mountable-secrets]: ${why}`]);
  assert.deepEqual(advice('ServiceAccount', marked, marked), []);
});
