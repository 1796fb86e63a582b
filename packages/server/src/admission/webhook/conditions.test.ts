import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import { readerOf } from '../../../test/reader-of.ts';
import type { AdmissionAttributes } from '../../interfaces.ts';
import { conditionsHold } from './conditions.ts';
import type { Hook } from './hooks.ts';

const hook = (...expressions: string[]) =>
  ({ name: 'a.test', matchConditions: expressions.map((expression, i) => ({ name: `c${i}`, expression })) }) as unknown as Hook;

const attributes: AdmissionAttributes = {
  operation: 'CREATE',
  type: { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
  subresource: '',
  namespace: 'ns',
  name: 'map',
  object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map' }, data: { a: '1' } } as KubeObject,
  user: { name: 'ann', groups: ['dev'] },
  dryRun: false,
  reader: readerOf(),
  warn: () => {},
};

test('match conditions choose requests; one that is false outweighs errors', async () => {
  const holds = (...expressions: string[]) => conditionsHold(hook(...expressions), attributes, attributes);
  assert.equal(await holds(), true);
  assert.equal(await holds("object.data.a == '1'", "request.userInfo.username == 'ann'", "'dev' in request.userInfo.groups"), true);
  assert.equal(await holds("object.data.a == '1'", "request.operation == 'DELETE'"), false);
  assert.equal(await holds('object.data.b == 1', 'false'), false);
  assert.equal(await holds("authorizer.requestResource.check('get').allowed()"), false);
  await assert.rejects(holds("object.data.b == '1'"), {
    code: 403,
    message: `configmaps "map" is forbidden: expression 'object.data.b == '1'' resulted in error: no such key: b`,
  });
  assert.equal(await conditionsHold({ ...hook('object.data.b == 1'), failurePolicy: 'Ignore' }, attributes, attributes), false);
});
