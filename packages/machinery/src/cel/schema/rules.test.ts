import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionSchemaErrors } from '../../schema/definition.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';
import { escapeName } from './escaping.ts';
import { compileSchemaRules } from './rules.ts';

const withSpec = (spec: JsonSchema): JsonSchema => ({ type: 'object', properties: { spec } });
const rules = (...list: object[]) => ({ 'x-kubernetes-validations': list as JsonSchema['x-kubernetes-validations'] }) as JsonSchema;
const lines = (errors: readonly { field: string; message: string }[]) => errors.map(({ field, message }) => `${field}: ${message}`);
const check = (schema: JsonSchema, object: unknown, old?: unknown) => lines(compileSchemaRules(schema)!.validate(object, old));

const limits: JsonSchema = withSpec({
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    max: { type: 'integer' },
    'a-b.c': { type: 'string' },
    port: { 'x-kubernetes-int-or-string': true },
    since: { type: 'string', format: 'date-time' },
  },
  ...rules(
    { rule: 'self.replicas <= self.max', message: 'too many', fieldPath: '.replicas', reason: 'FieldValueForbidden' },
    {
      rule: "!has(self.a__dash__b__dot__c) || self.a__dash__b__dot__c == 'x'",
      messageExpression: "'must be x, is ' + self.a__dash__b__dot__c",
    },
    { rule: 'type(self.port) == int || self.port == "http"' },
    { rule: '!has(self.since) || self.since.getFullYear() > 2000' },
  ),
});

test('rules look at values through their schema and fail in upstream’s words', () => {
  assert.deepEqual(check(limits, { spec: { replicas: 1, max: 2, port: 80, 'a-b.c': 'x', since: '2024-01-01T00:00:00Z' } }), []);
  assert.deepEqual(check(limits, { spec: { replicas: 3, max: 2, port: 'https', 'a-b.c': 'y' } }), [
    'spec.replicas: Forbidden: too many',
    'spec: Invalid value: must be x, is y',
    'spec: Invalid value: failed rule: type(self.port) == int || self.port == "http"',
  ]);
  assert.deepEqual(check(limits, { spec: { max: 2, port: 'http' } }), [
    'spec: Invalid value: "object": no such key: replicas evaluating rule: too many',
  ]);
});

const transitions: JsonSchema = withSpec({
  type: 'object',
  properties: {
    name: { type: 'string', ...rules({ rule: 'self == oldSelf', message: 'is immutable' }) },
    once: { type: 'string', ...rules({ rule: '!oldSelf.hasValue() || self == oldSelf.value()', optionalOldSelf: true }) },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: {
        type: 'object',
        required: ['id'],
        properties: { id: { type: 'string' }, size: { type: 'integer' } },
        ...rules({ rule: 'self.size >= oldSelf.size', message: 'must not shrink' }, { rule: 'self.size < 10', message: 'too large' }),
      },
    },
  },
});

test('transition rules see the old value, in keyed lists the item of the same key', () => {
  const object = (name: string, ...sizes: [string, number][]) => ({
    spec: { name, once: 'a', items: sizes.map(([id, size]) => ({ id, size })) },
  });
  assert.deepEqual(check(transitions, object('a', ['x', 1])), []);
  assert.deepEqual(check(transitions, object('b', ['y', 5], ['x', 1]), object('a', ['x', 2])), [
    'spec.name: Invalid value: "b": is immutable',
    'spec.items[1]: Invalid value: must not shrink',
  ]);
});

test('what was wrong before and is the same still is let be', () => {
  const object = (...sizes: number[]) => ({ spec: { name: 'a', once: 'a', items: sizes.map((size, i) => ({ id: `${i}`, size })) } });
  assert.deepEqual(check(transitions, object(50, 1), object(50, 0)), []);
  assert.deepEqual(check(transitions, object(51, 1), object(50, 0)), ['spec.items[0]: Invalid value: too large']);
});

const errorsOf = (schema: JsonSchema) => lines(definitionSchemaErrors(schema, 'schema', false, () => []));

test('definitions with rules that cannot work are refused', () => {
  const bad = withSpec({
    type: 'object',
    properties: { x: { type: 'integer' } },
    ...rules({ rule: 'self.y > 1' }, { rule: 'self.x' }, { rule: ' ' }),
  });
  assert.deepEqual(errorsOf(bad), ['schema.properties[spec].x-kubernetes-validations[2].rule: Required value: rule is not specified']);
  const shown = (rule: string) =>
    `{"Rule":"${rule}","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}`;
  bad.properties!.spec!['x-kubernetes-validations']!.pop();
  assert.deepEqual(errorsOf(bad), [
    `schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: ${shown('self.y > 1')}: compilation failed: ERROR: <input>:1:5: undefined field 'y'\n | self.y > 1\n | ....^`,
    `schema.properties[spec].x-kubernetes-validations[1].rule: Invalid value: ${shown('self.x')}: cel expression must evaluate to a bool`,
  ]);
});

test('oldSelf needs values that can be told again', () => {
  const list = withSpec({ type: 'array', items: { type: 'string', maxLength: 5, ...rules({ rule: 'self == oldSelf' }) }, maxItems: 5 });
  assert.deepEqual(errorsOf(list), [
    'schema.properties[spec].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[spec]',
  ]);
});

test('rules that could cost too much are refused, bounded ones are not', () => {
  const nested = (maxItems?: number): JsonSchema => {
    const bound = maxItems === undefined ? {} : { maxItems };
    return withSpec({
      type: 'array',
      ...bound,
      items: { type: 'array', ...bound, items: { type: 'string', maxLength: 10 } },
      ...rules({ rule: "self.all(x, x.all(y, x.all(z, z != y + 'a')))" }),
    });
  };
  assert.deepEqual(errorsOf(nested(10)), []);
  assert.match(
    errorsOf(nested())[0]!,
    /rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule/,
  );
});

test('property names are escaped as upstream does', () => {
  const names: [string, string | undefined][] = [
    ['a', 'a'],
    ['a-b', 'a__dash__b'],
    ['a.b/c', 'a__dot__b__slash__c'],
    ['a__b', 'a__underscores__b'],
    ['namespace', '__namespace__'],
    ['1a', undefined],
    ['a$', undefined],
    ['', undefined],
  ];
  for (const [name, escaped] of names) assert.equal(escapeName(name), escaped, name);
});

test('defaults are judged by the rules beside them', () => {
  const withDefault = (schema: JsonSchema) => errorsOf({ type: 'object', properties: { a: schema } });
  const at = 'schema.properties[a].default';
  assert.deepEqual(withDefault({ type: 'integer', default: 2, ...rules({ rule: 'self < 3' }) }), []);
  assert.deepEqual(withDefault({ type: 'integer', default: 5, ...rules({ rule: 'self < 3' }) }), [
    `${at}: Invalid value: 5: failed rule: self < 3`,
  ]);
  const inner = { b: { type: 'integer', ...rules({ rule: 'self < 3', message: 'm' }) } };
  assert.deepEqual(withDefault({ type: 'object', default: { b: 5 }, properties: inner } as JsonSchema), [`${at}.b: Invalid value: 5: m`]);
  assert.deepEqual(withDefault({ type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set', default: [1, 1] }), []);
  assert.deepEqual(withDefault({ 'x-kubernetes-int-or-string': true, default: 1.5 }), []);
  assert.deepEqual(withDefault({ type: 'integer', default: 1, not: { format: 'odd' } }), []);
  assert.match(withDefault({ type: 'string', default: 'a', not: { format: 'odd' } })[0]!, /must not validate the schema \(not\)/);
  assert.deepEqual(withDefault({ type: 'array', items: { type: 'integer' }, default: ['x'] }), [
    `${at}.[0]: Invalid value: "string": [0] in body must be of type integer: "string"`,
  ]);
});

test('a schema that says nothing has no rules, beside one that has', () => {
  const none = { type: 'object', items: null } as unknown as JsonSchema;
  assert.deepEqual(errorsOf({ type: 'object', properties: { a: none, b: { type: 'integer', ...rules({ rule: 'self > 1' }) } } }), []);
});
