// Custom resources and their definitions, which may be larger than others: what they cost at their bound, and what large real ones do.
import { type Body, type Bounds, created, full, object } from './body.ts';

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CUSTOM: Bounds = { values: 50_000 };

export const definition = (plural: string, kind: string, schema: string, more = ''): string =>
  `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"${plural}.example.com"},"spec":{"group":"example.com","scope":"Namespaced",` +
  `"names":{"plural":"${plural}","kind":"${kind}"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":${schema}}}${more}]}}`;

export const TYPED_SCHEMA = JSON.stringify({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer', default: 3 } } } },
        map: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
        },
        rules: {
          type: 'array',
          maxItems: 100_000,
          items: { type: 'object', properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.a >= 0' }] },
        },
      },
    },
  },
});

const TYPED = '/apis/example.com/v1/namespaces/default/typeds';
const typed = (name: string, spec: string) => created(name, TYPED, object('example.com/v1', 'Typed', `"spec":{${spec}}`));
const wide = (name: string, schema: string, more = '') => created(name, DEFINITIONS, definition('wides', 'Wide', schema, more));

/** A field as the definitions of operators have them: a sentence or two, a type, and some more fields below. */
const field = (i: number) =>
  `"field${i}":{"description":"${'Tells what this field is for, and when it counts. '.repeat(3)}","type":"object","properties":{"name":{"description":"The name.","type":"string"},"value":{"description":"The value.","type":"string"}},"required":["name"]}`;

/** 700 KB, as the largest of prometheus-operator. */
export const largeDefinition = (): string =>
  definition(
    'larges',
    'Large',
    `{"type":"object","properties":{"spec":{"type":"object","properties":{${full(field, { ...CUSTOM, bytes: 700_000 })}}}}}`,
  );

export const customBodies: Body[] = [
  created('a definition of 700 KB', DEFINITIONS, largeDefinition()),
  wide('definition: fields', `{"type":"object","properties":{${full((i) => `"a${i}":{"type":"string"}`, CUSTOM)}}}`),
  wide('definition: fields without a type', `{"type":"object","properties":{${full((i) => `"a${i}":{}`, CUSTOM)}}}`),
  wide(
    'definition: rules that do not fit',
    `{"type":"object","x-kubernetes-validations":[${full((i) => `{"rule":"self.a==${i}"}`, CUSTOM)}]}`,
  ),
  wide('definition: versions of nothing', '{"type":"object"}', `,${full(() => '{}', CUSTOM)}`),
  typed('custom: anything', `"any":{${full((i) => `"a${i}":1`, CUSTOM)}}`),
  typed('custom: a list', `"list":[${full(() => '{"a":"x","b":1}', CUSTOM)}]`),
  typed('custom: a list of what is pruned', `"list":[${full(() => '{"z":1}', CUSTOM)}]`),
  typed('custom: a list of mistakes', `"list":[${full(() => '{"a":1}', CUSTOM)}]`),
  typed('custom: a list by name', `"map":[${full((i) => `{"name":"x${i}"}`, CUSTOM)}]`),
  typed('custom: rules in CEL', `"rules":[${full(() => '{"a":1}', CUSTOM)}]`),
  typed('custom: rules in CEL that fail', `"rules":[${full(() => '{"a":-1}', CUSTOM)}]`),
];
