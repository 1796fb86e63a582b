// Run-time costs, as upstream keeps them stable (apiextensions apiserver/schema/cel/celcoststability_test.go).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../../schema/json-schema.ts';
import { createEnvironment } from '../environment.ts';
import { declaredType } from './declared.ts';

const integer: JsonSchema = { type: 'integer' };
const number: JsonSchema = { type: 'number' };
const text: JsonSchema = { type: 'string' };
const list = (items: JsonSchema, more: JsonSchema = {}): JsonSchema => ({ type: 'array', items, ...more });
const set = (items: JsonSchema) => list(items, { 'x-kubernetes-list-type': 'set' });
const large = Array.from({ length: 1000 }, (_, i) => i + 1);

const GROUPS: { name: string; fields: [JsonSchema, unknown][]; costs: Record<string, number> }[] = [
  {
    name: 'numbers',
    fields: [
      [integer, 5],
      [number, 10],
    ],
    costs: {
      'type(self.val1) == int': 4,
      'type(self.val2) == double': 4,
      'self.val2 == 10.0': 3,
      'double(self.val1) < self.val2': 6,
      'self.val1 < int(self.val2)': 6,
      'double(5) < 10.0': 1,
      '5 < int(10.0)': 1,
      'double(self.val1) < 10.0': 4,
      'self.val1 + 1 == 5 + 1': 5,
    },
  },
  {
    name: 'strings',
    fields: [
      [text, 'Rook takes 👑'],
      [text, 'Rook takes 👑'],
    ],
    costs: {
      "self.val1.startsWith('Rook')": 4,
      "!self.val1.startsWith('knight')": 5,
      "self.val1.matches('^[^0-9]*$')": 8,
      "!self.val1.matches('^[0-9]*$')": 7,
      'type(self.val1) == string': 4,
      'size(self.val1) == 12': 4,
      "self.val1.charAt(3) == 'k'": 4,
      "self.val1.indexOf('o') == 1": 4,
      "self.val1.indexOf('o', 2) == 2": 4,
      "self.val1.replace(' ', 'x') == 'Rookxtakesx👑'": 7,
      "self.val1.replace(' ', 'x', 1) == 'Rookxtakes 👑'": 7,
      "self.val1.split(' ') == ['Rook', 'takes', '👑']": 6,
      "self.val1.substring(5) == 'takes 👑'": 5,
      "self.val1.substring(4, 10).trim() == 'takes'": 6,
      "self.val1.upperAscii() == 'ROOK TAKES 👑'": 6,
      'self.val1.lowerAscii() == self.val1.lowerAscii()': 10,
      "'%d %s %f %s %s'.format([1, 'abc', 1.0, duration('1m'), timestamp('2000-01-01T00:00:00.000Z')]) == '1 abc 1.000000 60s 2000-01-01T00:00:00Z'": 6,
      "'%e'.format([3.14]) == '3.140000\u202f×\u202f10⁰⁰'": 3,
      "'%o %o %o'.format([7, 8, 9]) == '7 10 11'": 2,
      "'%b %b %b'.format([7, 8, 9]) == '111 1000 1001'": 3,
    },
  },
  {
    name: 'lists',
    fields: [
      [list(integer), [1, 2, 3]],
      [list(integer), [1, 2, 3]],
    ],
    costs: {
      '1 in self.val1': 5,
      'self.val2[0] in self.val1': 8,
      '!(0 in self.val1)': 6,
      'self.val1 + self.val2 == [1, 2, 3, 1, 2, 3]': 6,
      'self.val1 + [4, 5] == [1, 2, 3, 4, 5]': 4,
      'has(self.val1)': 1,
      'has(self.val1) && has(self.val2)': 2,
    },
  },
  {
    name: 'sets',
    fields: [
      [set(text), ['a', 'b', 'c']],
      [set(text), ['a', 'c', 'b']],
      [set(integer), large],
    ],
    costs: {
      "self.val1 == ['c', 'b', 'a']": 3,
      'self.val1 == self.val2': 5,
      "'a' in self.val1": 5,
      'self.val2[0] in self.val1': 8,
      "self.val1 + self.val2 == ['a', 'b', 'c']": 6,
      "self.val1 + ['c', 'd'] == ['a', 'b', 'c', 'd']": 4,
      "sets.contains(self.val1, ['a'])": 6,
      "sets.equivalent(self.val1, ['a', 'b', 'c'])": 21,
      'sets.contains(self.val3, [1])': 1003,
      '!sets.equivalent(self.val3, [1, 2, 3])': 6004,
      'sets.intersects(self.val3, [1])': 1003,
    },
  },
];

for (const { name, fields, costs } of GROUPS) {
  test(`costs and results of ${name}`, () => {
    const properties = Object.fromEntries(fields.map(([schema], i) => [`val${i + 1}`, schema]));
    const declared = declaredType({ type: 'object', properties }, false, 'selfType')!;
    const environment = createEnvironment({ variables: { self: declared.type } });
    const self = declared.convert(Object.fromEntries(fields.map(([, value], i) => [`val${i + 1}`, value])));
    for (const [expression, cost] of Object.entries(costs)) {
      assert.deepEqual(environment.compile(expression).evaluate({ self }), { value: true, cost }, expression);
    }
  });
}
