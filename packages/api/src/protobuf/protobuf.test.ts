// Byte-exactness against upstream's golden files where the Go module is in its cache, and against samples checked in here.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode, normalize } from '../codec/decode.ts';
import type { KubeObject } from '../object.ts';
import { schemaOfObject } from '../schema/lookup.ts';
import { decodeProtobuf, decodeProtobufWatchEvent } from './decode.ts';
import { encodeProtobuf, encodeProtobufWatchEvent, PROTOBUF_MAGIC } from './encode.ts';

const GOLDEN = join(process.env.GOPATH ?? join(homedir(), 'go'), 'pkg/mod/k8s.io/api@v0.36.3/testdata/HEAD');

test('upstream’s golden files, in both directions', { skip: !existsSync(GOLDEN) && 'the Go module k8s.io/api is not in the cache' }, () => {
  let checked = 0;
  for (const name of readdirSync(GOLDEN).filter((file) => file.endsWith('.json'))) {
    const json = readFileSync(join(GOLDEN, name), 'utf8');
    if (!schemaOfObject(JSON.parse(json))) continue;
    const bytes = readFileSync(join(GOLDEN, name.replace(/json$/, 'pb')));
    const yaml = readFileSync(join(GOLDEN, name.replace(/json$/, 'yaml')));
    assert.equal(JSON.stringify(decode(json, { strict: true }).object, null, 2), json, name);
    assert.equal(JSON.stringify(decode(yaml, { mediaType: 'application/yaml' }).object, null, 2), json, name);
    assert.ok(bytes.equals(encodeProtobuf(JSON.parse(json))), `${name}: bytes differ`);
    assert.equal(JSON.stringify(decodeProtobuf(bytes), null, 2), json, name);
    checked++;
  }
  assert.ok(checked > 100);
});

test('a ConfigMap’s bytes', () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } };
  const typeMeta = '0a0f' + '0a027631' + '1209436f6e6669674d6170';
  // name, then generateName, namespace, selfLink, uid, resourceVersion, generation and creationTimestamp with their zero values
  const metadata = '0a11' + '0a0161' + '1200' + '1a00' + '2200' + '2a00' + '3200' + '3800' + '4200';
  const data = '1206' + '0a016b' + '120176';
  const expected = `6b387300${typeMeta}121b${metadata}${data}1a002200`;
  assert.equal(Buffer.from(encodeProtobuf(object)).toString('hex'), expected);
});

const samples: KubeObject[] = [
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80, targetPort: 'http' }] } } as KubeObject,
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { renewTime: '2026-01-01T00:00:00.123456Z' } } as KubeObject,
  { apiVersion: 'apps/v1', kind: 'ControllerRevision', data: { spec: [1, { a: null }] }, revision: 9007199254740991 } as KubeObject,
  { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: 404, details: { causes: [{ reason: 'x' }] } } as KubeObject,
  { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'a' } }] } as KubeObject,
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ü' }, spec: { priority: -5, containers: [], hostNetwork: true } } as KubeObject,
];

test('objects survive the way through protobuf', () => {
  for (const sample of samples) {
    const expected = JSON.parse(JSON.stringify(normalize(sample).object));
    const actual = JSON.parse(JSON.stringify(decodeProtobuf(encodeProtobuf(sample))));
    // Protobuf can't tell an empty list from none.
    if (actual.spec?.containers === null) actual.spec.containers = [];
    assert.deepEqual(actual, expected);
  }
});

test('watch events are framed and hold an enveloped object', () => {
  const object = encodeProtobuf(samples[0]!);
  const frame = Buffer.from(encodeProtobufWatchEvent('ADDED', object));
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  const event = decodeProtobufWatchEvent(frame.subarray(4));
  assert.equal(event.type, 'ADDED');
  assert.equal(event.object.kind, 'Service');
});

test('damaged bytes and kinds without a protobuf form are refused', () => {
  const good = encodeProtobuf(samples[0]!);
  for (let size = 5; size < good.length - 4; size++) {
    try {
      decodeProtobuf(good.slice(0, size));
    } catch (error) {
      assert.equal((error as Error).name, 'DecodeError');
    }
  }
  assert.throws(() => decodeProtobuf(Uint8Array.of(1, 2, 3)), /expected prefix/);
  assert.throws(() => decodeProtobuf(Uint8Array.of(...PROTOBUF_MAGIC)), /no kind/);
  assert.throws(() => encodeProtobuf({ apiVersion: 'x.io/v1', kind: 'Foo' }), /does not implement the protobuf marshalling interface/);
});
