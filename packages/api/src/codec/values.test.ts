import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from '../protobuf/decode.ts';
import { encodeProtobuf } from '../protobuf/encode.ts';
import { decode, decodeConfiguration } from './decode.ts';
import { countValues, measureJson, TooManyValues } from './values.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const data = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 'v']));
const configMap = (keys: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: data(keys) });
const yaml = (keys: number) =>
  Object.keys(data(keys))
    .map((key) => `${key}: v\n`)
    .join('');

test('values of a JSON text: lists, maps and what they hold after the first', () => {
  const cases: [unknown, number][] = [
    [1, 0],
    [{}, 1],
    [[], 1],
    [[1, 2, 3], 3],
    [{ a: 1, b: [1, 2] }, 4],
    ['a,b,{[', 0],
    ['\\",\\', 0],
    [[[[]]], 3],
  ];
  for (const [value, values] of cases) assert.deepEqual(measureJson(bytes(value), 10), { values, isDeep: false }, JSON.stringify(value));
  assert.equal(measureJson(bytes([[[]]]), 2).isDeep, true);
});

test('keys of a wide map count twice, items of a list once', () => {
  assert.equal(measureJson(bytes(data(100)), 10).values, 100);
  assert.equal(measureJson(bytes(data(200)), 10).values, 100 + 2 * 100);
  assert.equal(countValues(data(200), 1000), 300);
  assert.equal(measureJson(bytes(Array(200).fill({ a: 1 })), 10).values, 400);
  assert.equal(measureJson(bytes({ ...data(98), z: [data(3), data(3)], zz: 1 }), 10).values, 100 + 2 + 6);
});

test('values of data, parts that it has in common each time', () => {
  const part = [1, 2, 3];
  assert.equal(countValues({ a: part, b: part, c: 'text' }, 100), 9);
  assert.equal(countValues([], 1), 1);
  assert.throws(() => countValues({ a: part, b: part }, 7), TooManyValues);
  assert.throws(() => countValues(Array(100).fill(Array(100).fill(part)), 1000), /limit is 1000 values/);
});

test('YAML is read no further than its bound', () => {
  assert.equal(Object.keys(decodeConfiguration(yaml(100), 500).value as object).length, 100);
  assert.throws(() => decodeConfiguration(yaml(1000), 500), TooManyValues);
  assert.throws(() => decode(yaml(1000), { mediaType: 'application/yaml', valuesMax: 500 }), TooManyValues);
  // What begins as JSON and is none, with its commas where JSON has texts.
  assert.throws(() => decodeConfiguration(`{a: '"', b: [${'1,'.repeat(1000)}1]}`, 500), TooManyValues);
});

test('aliases of long lists are counted as what they stand for', () => {
  const text = `a: &a [${Array(50).fill('x').join(',')}]\nb: [${Array(100).fill('*a').join(',')}]`;
  assert.equal((decodeConfiguration(text).value as { b: unknown[] }).b.length, 100);
  assert.throws(() => decodeConfiguration(text, 500), TooManyValues);
});

test('protobuf is read no further than its bound, JSON inside of it included', () => {
  const small = encodeProtobuf(configMap(50));
  assert.deepEqual(Object.keys(decodeProtobuf(small, { valuesMax: 500 }) as object).sort(), ['apiVersion', 'data', 'kind', 'metadata']);
  assert.throws(() => decodeProtobuf(encodeProtobuf(configMap(1000)), { valuesMax: 500 }), TooManyValues);
  assert.throws(
    () => decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(3000, '\x0a\0')]), { valuesMax: 500 }),
    TooManyValues,
  );
  const revision = { apiVersion: 'apps/v1', kind: 'ControllerRevision', data: { list: Array(1000).fill(1) }, revision: 1 };
  assert.throws(() => decodeProtobuf(encodeProtobuf(revision), { valuesMax: 500 }), TooManyValues);
  assert.ok(decodeProtobuf(encodeProtobuf(revision), { valuesMax: 1500 }));
});
