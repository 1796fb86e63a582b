import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../test-support.ts';

test('a protocol that is there but empty is none that is known', () => {
  const asked = (port: object) =>
    check({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's', namespace: 'default' },
      addressType: 'IPv4',
      endpoints: [],
      ports: [port],
    } as never);
  assert.deepEqual(asked({ protocol: 'TCP' }), []);
  assert.deepEqual(asked({}), ['ports[0].protocol: Required value']);
  assert.deepEqual(asked({ protocol: '' }), ['ports[0].protocol: Unsupported value: "": supported values: "SCTP", "TCP", "UDP"']);
});
