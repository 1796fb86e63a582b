// Embedded resources: what becomes of their metadata, and what is wrong with their identity.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionSchemaErrors, type JsonSchema } from '@tiphys/machinery';
import { DecodeError } from '../codec.ts';
import { coerceEmbedded, embeddedErrors, judgeEmbedded } from './embedded.ts';

const template: JsonSchema = {
  type: 'object',
  'x-kubernetes-embedded-resource': true,
  'x-kubernetes-preserve-unknown-fields': true,
};
const schema: JsonSchema = {
  type: 'object',
  properties: {
    one: template,
    list: { type: 'array', items: template },
    map: { type: 'object', additionalProperties: template },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};
const pod = (more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', ...more });
const lines = (object: object) => embeddedErrors(schema, object).map(({ field, message }) => `${field}: ${message}`);

test('metadata keeps what the server knows of it, wherever a resource is embedded', () => {
  const metadata = () => ({ name: 'a', labels: { a: 'b' }, bogus: 1 });
  const object = {
    one: pod({ metadata: metadata(), spec: { bogus: 1 } }),
    list: [pod({ metadata: metadata() })],
    map: { x: pod({ metadata: metadata() }) },
    free: pod({ metadata: metadata() }),
  };
  assert.deepEqual(coerceEmbedded(schema, object), ['list[0].metadata.bogus', 'map[x].metadata.bogus', 'one.metadata.bogus']);
  const kept = { name: 'a', labels: { a: 'b' } };
  assert.deepEqual(object.one, pod({ metadata: kept, spec: { bogus: 1 } }));
  assert.deepEqual([object.list[0], object.map.x], [pod({ metadata: kept }), pod({ metadata: kept })]);
  assert.deepEqual(object.free, pod({ metadata: metadata() }));
});

test('identity and metadata of another type cannot be read', () => {
  const refused = (one: object) => {
    assert.throws(
      () => coerceEmbedded(schema, { one }),
      (error: Error) => error instanceof DecodeError && error.message.startsWith('one.'),
    );
  };
  refused(pod({ kind: 5 }));
  refused(pod({ apiVersion: {} }));
  refused(pod({ metadata: { labels: { a: 1 } } }));
  refused(pod({ metadata: 'text' }));
});

test('an embedded resource says what it is', () => {
  assert.deepEqual(lines({ one: pod() }), []);
  assert.deepEqual(lines({ one: {} }), ['one.apiVersion: Required value', 'one.kind: Required value']);
  assert.deepEqual(lines({ list: [pod({ apiVersion: '', kind: '' })] }), [
    'list[0].apiVersion: Invalid value: "": must not be empty',
    'list[0].kind: Invalid value: "": must not be empty',
  ]);
  assert.deepEqual(lines({ map: { x: pod({ apiVersion: 'a/b/c' }) } }), [
    'map[x].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ]);
  const [wrongKind, ...rest] = lines({ one: pod({ kind: 'Not_A_Kind' }) });
  assert.match(wrongKind!, /^one\.kind: Invalid value: "Not_A_Kind": may have mixed case, but should otherwise match: /);
  assert.deepEqual(rest, []);
});

test('its metadata is judged as any, but may go without a name', () => {
  assert.deepEqual(lines({ one: pod({ metadata: {} }) }), []);
  assert.deepEqual(lines({ one: pod({ metadata: { name: 'a', namespace: 'b' } }) }), []);
  const [name] = lines({ one: pod({ metadata: { name: 'a/b' } }) });
  assert.equal(name, 'one.metadata.name: Invalid value: "a/b": may not contain \'/\'');
  const [label] = lines({ one: pod({ metadata: { labels: { '-': 'x' } } }) });
  assert.match(label!, /^one\.metadata\.labels: Invalid value: "-": name part must consist of/);
});

test('a default that is a resource is read as one, and told with its place', () => {
  const judged = (value: unknown) => judgeEmbedded(template, value, 's.default').map(({ field, message }) => `${field}: ${message}`);
  const value = pod({ metadata: { name: 'a', bogus: 1 } });
  assert.deepEqual(judged(value), []);
  assert.deepEqual(value, pod({ metadata: { name: 'a' } }));
  assert.deepEqual(judged(pod({ metadata: { labels: { a: 1 } } })), [
    's.default.metadata: Invalid value: {"labels":{"a":1}}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
  ]);
  assert.deepEqual(judged({ apiVersion: 'a/b/c', kind: 'A' }), [
    's.default.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ]);
  assert.deepEqual(judged({ kind: 'A' }), ['s.default.apiVersion: Required value']);
});

test('defaults within metadata make valid metadata', () => {
  const faults = (properties: Record<string, JsonSchema>) => {
    const one = { type: 'object', 'x-kubernetes-embedded-resource': true, properties };
    const errors = definitionSchemaErrors({ type: 'object', properties: { one } }, 's', false, judgeEmbedded);
    return errors.map(({ field, message }) => `${field}: ${message}`.replace('s.properties[one].properties', ''));
  };
  const metadata = (properties: Record<string, JsonSchema>) => faults({ metadata: { type: 'object', properties } });
  const text = (value: unknown): JsonSchema => ({ type: 'string', default: value });
  assert.deepEqual(metadata({ name: text('abc'), unknown: text('x') }), []);
  assert.match(
    metadata({ namespace: text('A_b') })[0]!,
    /^\[metadata\]\.properties\[namespace\]\.default: Invalid value: "A_b": must result in valid metadata: metadata\.namespace: Invalid value: "A_b": a lowercase/,
  );
  assert.deepEqual(metadata({ generation: text('x') }), [
    '[metadata].properties[generation].default: Invalid value: "x": must result in valid metadata: metadata: Invalid value: {"generation":"x"}: json: cannot unmarshal string into Go struct field ObjectMeta.generation of type int64',
  ]);
  const owners: JsonSchema = { type: 'array', items: { type: 'object', properties: { kind: text('x') } }, default: [{ kind: 'x' }] };
  assert.match(
    metadata({ ownerReferences: owners })[0]!,
    /valid metadata: \[metadata\.ownerReferences\.apiVersion: .*, metadata\.ownerReferences\.name: /,
  );
  assert.deepEqual(faults({ apiVersion: text('a/b/c') }), [
    '[apiVersion].default: Invalid value: "a/b/c": must result in valid metadata: apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ]);
  assert.deepEqual(faults({ apiVersion: text('a/b'), kind: text('C'), spec: text('A_b') }), []);
});
