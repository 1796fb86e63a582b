import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeProtobuf, type KubeObject } from '@tiphys/api';
import { Entry, encodeStored } from './entry.ts';
import { ownForm } from './stored-form.ts';

const map = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'b', uid: 'c' }, data: { 'metadata":{': 'x' } };
const shown = (value: Uint8Array) => JSON.parse(new Entry('b/a', 7, value).bytes().toString());
const expected = { ...map, metadata: { ...map.metadata, resourceVersion: '7' } };

test('what this program stored is taken as it is', () => {
  const value = encodeStored(map);
  assert.equal(ownForm(value), value);
});

test('protobuf and JSON of another order, as kube-apiserver stores them, become the own form', () => {
  const { kind, apiVersion, metadata, data } = map;
  const json = Buffer.from(`${JSON.stringify({ apiVersion, data, kind, metadata })}\n`);
  assert.deepEqual(shown(ownForm(json)), expected);
  assert.deepEqual(shown(ownForm(Buffer.from(`${JSON.stringify({ kind, apiVersion, metadata, data })}\n`))), expected);
  assert.deepEqual(shown(ownForm(encodeProtobuf(map as KubeObject))), expected);
});

test('a value that is no object says so', () => {
  assert.throws(() => ownForm(Buffer.from('k8s\u0000nonsense')), Error);
  assert.throws(() => ownForm(Buffer.from('10.0.0.1')), Error);
  assert.throws(() => ownForm(Buffer.from('{}\n')), /no metadata.name/);
});
