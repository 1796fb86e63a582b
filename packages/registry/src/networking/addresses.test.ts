import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, definitionOf } from '../test-support.ts';

test('an address object is named by its address in canonical form', () => {
  const faults = (name: string) => definitionOf('IPAddress').validateName!(name, false);
  assert.deepEqual(faults('10.9.8.7'), []);
  assert.deepEqual(faults('2001:db8::9'), []);
  assert.deepEqual(faults('a'), ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']);
  assert.deepEqual(faults('10.9.8.007'), ['must not have leading 0s']);
  assert.deepEqual(faults('::ffff:1.2.3.4'), ['must not be an IPv4-mapped IPv6 address']);
  assert.deepEqual(faults('2001:DB8::9'), ['must be in canonical form ("2001:db8::9")']);
});

test('the parameters of an IngressClass lie in a namespace, or in none', () => {
  const refusals = (parameters: object) =>
    check({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'c' },
      spec: { controller: 'a.b/c', parameters: { kind: 'K', name: 'n', ...parameters } },
    } as never);
  assert.deepEqual(refusals({ scope: 'Namespace', namespace: 'ns' }), []);
  assert.deepEqual(refusals({ scope: 'Namespace' }), [
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ]);
  assert.match(
    refusals({ scope: 'Namespace', namespace: '' })[0]!,
    /^spec.parameters.namespace: Invalid value: "": a lowercase RFC 1123 label/,
  );
  assert.deepEqual(refusals({ scope: 'Cluster', namespace: '' }), [
    "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
  ]);
});
