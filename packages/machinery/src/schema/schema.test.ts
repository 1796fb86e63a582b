// Structural schemas: validation with upstream's messages, pruning, defaults, the schema's own rules, and apply over them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchemaTable } from '@tiphys/api';
import { serverSideApply } from '../apply/index.ts';
import type { FieldError } from '../field-error.ts';
import {
  applySchemaDefaults,
  definitionSchemaErrors,
  hasRules,
  type JsonSchema,
  listTypeErrors,
  mergeTypeOf,
  pruneObject,
  structuralErrors,
  tableWithCustomType,
  validateAgainst,
} from './index.ts';

const lines = (errors: FieldError[]) => errors.map((error) => `${error.field}: ${error.message}`);
const schema: JsonSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['cron'],
      properties: {
        cron: { type: 'string', pattern: '^(\\d+|\\*)$', minLength: 1, maxLength: 3 },
        replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
        mode: { type: 'string', enum: ['fast', 'slow'] },
        port: { 'x-kubernetes-int-or-string': true },
        hosts: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', maxItems: 2 },
        rules: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, weight: { type: 'number', exclusiveMinimum: true, minimum: 0 } },
          },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        when: { type: 'string', format: 'date-time', nullable: true },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
  },
};

test('every message is upstream’s', () => {
  const errorsOf = (spec: unknown) => lines([...validateAgainst(schema, { spec }), ...listTypeErrors(schema, { spec }, '')]);
  const cases: [unknown, string[]][] = [
    [{ cron: '5', replicas: 3, port: 'http', hosts: ['a', 'b'], when: null, labels: { a: 'b' } }, []],
    [{}, ['spec.cron: Required value']],
    [{ cron: 5 }, ['spec.cron: Invalid value: "integer": spec.cron in body must be of type string: "integer"']],
    [{ cron: null }, ['spec.cron: Invalid value: "null": spec.cron in body must be of type string: "null"']],
    [{ cron: 'x' }, ['spec.cron: Invalid value: "x": spec.cron in body should match \'^(\\d+|\\*)$\'']],
    [{ cron: '12345' }, ['spec.cron: Too long: may not be more than 3 bytes']],
    [{ cron: '*', replicas: 0 }, ['spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1']],
    [
      { cron: '*', replicas: 1.5 },
      [
        'spec.replicas: Invalid value: "number": spec.replicas in body must be of type integer: "number"',
        '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.replicas',
      ],
    ],
    [{ cron: '*', mode: 'x' }, ['spec.mode: Unsupported value: "x": supported values: "fast", "slow"']],
    [{ cron: '*', port: true }, ['spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"']],
    [{ cron: '*', hosts: ['a', 'a', 'b'] }, ['spec.hosts: Too many: 3: must have at most 2 items', 'spec.hosts[1]: Duplicate value: "a"']],
    [{ cron: '*', rules: [{ name: 'a' }, { name: 'a' }] }, ['spec.rules[1]: Duplicate value: {"name":"a"}']],
    [
      { cron: '*', rules: [{ weight: 0 }] },
      ['spec.rules[0].weight: Invalid value: 0: spec.rules[0].weight in body should be greater than 0'],
    ],
    [{ cron: '*', when: 'soon' }, ['spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"']],
    [{ cron: '*', labels: { a: 1 } }, ['spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"']],
  ];
  for (const [spec, expected] of cases) assert.deepEqual(errorsOf(spec), expected, JSON.stringify(spec));
});

test('combinations', () => {
  const one: JsonSchema = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] };
  assert.deepEqual(validateAgainst(one, { a: 1 }), []);
  assert.deepEqual(lines(validateAgainst(one, { a: 1, b: 1 })), [
    '<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ]);
  assert.match(lines(validateAgainst({ not: { required: ['a'] } }, { a: 1 }))[0]!, /"" must not validate the schema \(not\)$/);
});

test('pruning keeps what is declared or preserved and names the rest', () => {
  const { object, unknownFields } = pruneObject(
    {
      apiVersion: 'v1',
      kind: 'X',
      metadata: { odd: 1 },
      extra: 1,
      spec: { cron: '*', no: 1, free: { any: { thing: 1 } }, rules: [{ name: 'a', no: 2 }], labels: { x: 'y' } },
    },
    schema,
  );
  assert.deepEqual(object, {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { odd: 1 },
    spec: { cron: '*', free: { any: { thing: 1 } }, rules: [{ name: 'a' }], labels: { x: 'y' } },
  } as object);
  assert.deepEqual(unknownFields, ['extra', 'spec.no', 'spec.rules[0].no']);
});

test('defaults fill what is absent or null, and other nulls stay', () => {
  const object = { spec: { cron: '*', replicas: null, mode: null } };
  applySchemaDefaults(object, schema);
  assert.deepEqual(object, { spec: { cron: '*', replicas: 1, mode: null } });
});

test('a schema must be structural', () => {
  assert.deepEqual(structuralErrors(schema, 'schema'), []);
  const bad: JsonSchema = {
    properties: {
      a: {},
      b: { type: 'array' },
      c: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      d: { type: 'object', 'x-kubernetes-embedded-resource': true },
      e: { type: 'string', pattern: '(' },
    },
    anyOf: [{ properties: { z: { minimum: 1 } }, description: 'x' }],
  };
  const found = lines(structuralErrors(bad, 's'));
  for (const expected of [
    's.type: Required value: must not be empty at the root',
    's.properties[a].type: Required value: must not be empty for specified object fields',
    's.properties[b].items: Required value: must be specified',
    's.properties[d].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    's.properties[z]: Required value: because it is defined in s.anyOf[0].properties[z]',
    's.anyOf[0].description: Forbidden: must be empty to be structural',
  ]) {
    assert.ok(found.includes(expected), `${expected}\n${found.join('\n')}`);
  }
  assert.ok(found.some((line) => line.startsWith('s.properties[e].pattern: Invalid value: "(": must be a valid regular expression')));
  assert.equal(found.filter((line) => line.startsWith('s.properties[c]')).length, 0);
  assert.equal(hasRules({ type: 'object', properties: { a: { type: 'string', 'x-kubernetes-validations': [{ rule: 'true' }] } } }), true);
  assert.equal(hasRules(schema), false);
});

test('server-side apply merges custom resources by their schema', () => {
  const base: SchemaTable = { 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { fields: { name: { type: 'string' } } } };
  const table = tableWithCustomType(base, 'com.example.v1.CronTab', schema);
  const tracked = { type: mergeTypeOf(table, 'com.example.v1.CronTab'), empty: {} };
  const by = (name: string) => ({ name, apiVersion: 'example.com/v1', time: '2026-01-01T00:00:00Z' });
  const cronTab = (rules: object[]) => ({ apiVersion: 'example.com/v1', kind: 'CronTab', metadata: { name: 'x' }, spec: { rules } });
  const first = serverSideApply(undefined, cronTab([{ name: 'a', weight: 1 }]), by('one'), tracked).object;
  const second = serverSideApply(first, cronTab([{ name: 'b' }]), by('two'), tracked).object;
  assert.deepEqual(second.spec.rules, [{ name: 'a', weight: 1 }, { name: 'b' }]);
  assert.throws(() => serverSideApply(second, cronTab([{ name: 'a', weight: 2 }]), by('two'), tracked), {
    message: 'Apply failed with 1 conflict: conflict with "one": .spec.rules[name="a"].weight',
  });
});

test('types that keep unknown fields merge those too, beside the declared ones', () => {
  const open: JsonSchema = {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, size: { type: 'integer' } },
  };
  const { map } = mergeTypeOf(tableWithCustomType({}, 'com.example.v1.Open', open), 'com.example.v1.Open');
  assert.equal(map?.fields.size?.scalar, 'numeric');
  assert.equal(map?.values?.scalar, 'untyped');
  assert.equal(map?.fields.spec?.map?.values?.scalar, 'untyped');
  const closed = mergeTypeOf(tableWithCustomType({}, 'com.example.v1.Closed', { type: 'object', properties: {} }), 'com.example.v1.Closed');
  assert.equal(closed.map?.values, undefined);
});

test('what a definition’s schema must not be, in upstream’s words', () => {
  const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
  const cases: [unknown, string[]][] = [
    [{ type: 'integer', default: 'x' }, ['s.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"']],
    [{ type: 'object', default: { x: 1 } }, ['s.properties[a].default: Invalid value: {"x":1}: must not have unknown fields']],
    [{ type: 'string', $ref: '#/x' }, ['s.properties[a].$ref: Forbidden: $ref is not supported']],
    [{ type: 'string', $schema: 'x' }, ['s: Invalid value: "": OpenAPIV3Schema \'schema\' is not supported']],
    [
      { anyOf: [{ type: 'integer' }, { type: 'string' }] },
      ['s.properties[a].type: Required value: must not be empty for specified object fields'],
    ],
    [
      { ...list, items: { type: 'object', properties: { k: { type: 'string' } } } },
      [
        's.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    [
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } },
      [
        's.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      { type: 'object', 'x-kubernetes-map-type': 'set' },
      ['s.properties[a].x-kubernetes-map-type: Unsupported value: "set": supported values: "atomic", "granular"'],
    ],
    [
      { type: 'object', additionalProperties: { type: 'string' }, properties: { x: { type: 'string' } } },
      ['s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [
      { type: 'string', 'x-kubernetes-validations': [{ rule: '' }, { rule: 'self.x' }] },
      ['s.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified'],
    ],
  ];
  for (const [property, expected] of cases) {
    const whole = { type: 'object', properties: { a: property } } as JsonSchema;
    assert.deepEqual(lines(definitionSchemaErrors(whole, 's', false, () => [])), expected, JSON.stringify(property));
  }
  const withMetadata: JsonSchema = { type: 'object', properties: { metadata: { type: 'object', description: 'x' } } };
  assert.match(
    lines(definitionSchemaErrors(withMetadata, 's', false, () => []))[0]!,
    /^s.properties\[metadata\]: Forbidden: must not specify/,
  );
  assert.match(
    lines(definitionSchemaErrors({ type: 'object', minProperties: 1 }, 's', true, () => []))[0]!,
    /^s: Invalid value: {.*}: only \[Desc/,
  );
  for (const allows of [true, false]) {
    const [told] = lines(definitionSchemaErrors({ type: 'object', additionalProperties: allows } as JsonSchema, 's', true, () => []));
    const shown = `{"Type":"object","AdditionalProperties":{"Allows":${allows},"Schema":null}}`;
    assert.ok(told!.startsWith(`s: Invalid value: ${shown}: only [Desc`), told);
  }
});

test('items of a list with keys are one schema', () => {
  const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['a'] } as JsonSchema;
  const errorsOf = (schema: JsonSchema) =>
    lines(definitionSchemaErrors({ type: 'object', properties: { b: schema } }, 's', false, () => []));
  const at = 's.properties[b].items';
  assert.ok(errorsOf(list).includes(`${at}: Required value: must have a schema if x-kubernetes-list-type is map`));
  const why = 'Invalid value: {"Schema":null,"JSONSchemas":null}: must only have a single schema if x-kubernetes-list-type is map';
  assert.ok(errorsOf({ ...list, items: null } as unknown as JsonSchema).includes(`${at}: ${why}`));
  const several = errorsOf({ ...list, items: [{ type: 'string' }] } as unknown as JsonSchema);
  assert.ok(several.some((line) => line.startsWith(`${at}: Invalid value: {"Schema":null,"JSONSchemas":[`)));
});

test('more faults than a call takes arguments are all told', () => {
  const list: JsonSchema = { type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } };
  const count = 200_000;
  assert.equal(validateAgainst(list, { a: new Array(count).fill(1) }).length, count);
});
