import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../test/server.ts';
import { until } from '../../test/until.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GADGETS = '/apis/example.com/v1/namespaces/default/gadgets';

const definition = (rule: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'gadgets', kind: 'Gadget', singular: 'gadget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { low: { type: 'integer' }, high: { type: 'integer' }, kind: { type: 'string' } },
                'x-kubernetes-validations': [
                  rule,
                  { rule: '!has(oldSelf.kind) || self.kind == oldSelf.kind', message: 'kind is immutable' },
                ],
              },
            },
          },
        },
      },
    ],
  },
});

const gadget = (low: number, high: number, kind = 'a') => ({
  apiVersion: 'example.com/v1',
  kind: 'Gadget',
  metadata: { name: 'one' },
  spec: { low, high, kind },
});

test('a definition whose rules cannot be compiled is refused, one whose rules can is obeyed', async () => {
  await using server = await startedServer();
  const refused = await call(server, 'POST', CRDS, definition({ rule: 'self.nope < 1' }));
  assert.equal(refused.code, 422);
  assert.match(refused.object.message, /compilation failed: ERROR: <input>:1:5: undefined field 'nope'/);
  assert.equal((await call(server, 'POST', CRDS, definition({ rule: 'self.low <= self.high' }))).code, 201);
  await until(async () => ((await call(server, 'GET', GADGETS)).code === 200 ? true : undefined));
  const wrong = await call(server, 'POST', GADGETS, gadget(2, 1));
  assert.equal(wrong.code, 422);
  assert.equal(wrong.object.message, 'Gadget.example.com "one" is invalid: spec: Invalid value: failed rule: self.low <= self.high');
  const created = await call(server, 'POST', GADGETS, gadget(1, 2));
  assert.equal(created.code, 201);
  const changed = await call(server, 'PUT', `${GADGETS}/one`, { ...created.object, spec: { low: 1, high: 2, kind: 'b' } });
  assert.equal(changed.object.message, 'Gadget.example.com "one" is invalid: spec: Invalid value: kind is immutable');
  const fine = await call(server, 'PUT', `${GADGETS}/one`, { ...created.object, spec: { low: 0, high: 2, kind: 'a' } });
  assert.equal(fine.code, 200);
});
