// Values beside what they were before, and what ratcheting makes of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Correlated, type JsonSchema, validateAgainst } from './index.ts';

const text: JsonSchema = { type: 'string' };
const listOf = (items: JsonSchema, extensions: Partial<JsonSchema> = {}): JsonSchema => ({ type: 'array', items, ...extensions });
const entry: JsonSchema = {
  type: 'object',
  properties: { name: text, port: { type: 'integer' }, note: { type: 'string', maxLength: 2 } },
};
const byName = listOf(entry, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'port'] });
const mapOf = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: 'object', properties });

test('a property is found where both objects have it and the schema knows it', () => {
  const schema: JsonSchema = { type: 'object', properties: { a: text }, additionalProperties: { type: 'integer' } };
  const both = new Correlated({ a: 'new', b: 2, c: 3 }, { a: 'old', b: 1 }, schema);
  assert.deepEqual([both.key('a')?.value, both.key('a')?.old], ['new', 'old']);
  assert.deepEqual([both.key('b')?.value, both.key('b')?.old], [2, 1]);
  assert.equal(both.key('c'), undefined);
  assert.equal(both.key('toString'), undefined);
  assert.equal(both.key('a'), both.key('a'));
  const free = { type: 'object', additionalProperties: true } as JsonSchema;
  assert.equal(new Correlated({ x: 1 }, { x: 1 }, free).key('x'), undefined);
});

test('an item is found by all keys of its list, wherever it was, and the first of the same keys counts', () => {
  const old = [
    { name: 'b', port: 1, note: 'x' },
    { name: 'a', port: 1, note: 'y' },
    { name: 'a', port: 1, note: 'z' },
  ];
  const list = new Correlated([{ name: 'a', port: 1 }, { name: 'a', port: 2 }, { name: 'b' }, 'no object'], old, byName);
  assert.deepEqual(list.index(0)?.old, old[1]);
  for (const i of [1, 2, 3, 4]) assert.equal(list.index(i), undefined, String(i));
  for (const kind of ['set', 'atomic', undefined] as const)
    assert.equal(new Correlated(['a'], ['a'], listOf(text, { 'x-kubernetes-list-type': kind })).index(0), undefined, String(kind));
});

test('equality follows the identity of items and never holds for what the schema does not know', () => {
  const same = (value: unknown, old: unknown, schema: JsonSchema) => new Correlated(value, old, schema).same;
  const [a, b] = [
    { name: 'a', port: 1 },
    { name: 'b', port: 1 },
  ];
  assert.equal(same([a, b], [b, a], byName), true);
  assert.equal(same([a, b], [b, b], byName), false);
  assert.equal(same(['a', 'b'], ['b', 'a'], listOf(text)), false);
  assert.equal(same(['a', 'b'], ['a', 'b'], listOf(text)), true);
  assert.equal(same({ a: 'x' }, { a: 'x' }, mapOf({ a: text })), true);
  assert.equal(same({ a: 'x' }, { a: 'x', b: 1 }, mapOf({ a: text })), false);
  assert.equal(same({ z: 'x' }, { z: 'x' }, mapOf({ a: text })), false);
  assert.equal(same(null, undefined, text), true);
  assert.equal(same(null, 'a', text), false);
  assert.equal(same([], {}, text), false);
});

test('any value that the schema describes is what it was', () => {
  const values = fc.record({ a: fc.string(), list: fc.array(fc.string()), inner: fc.dictionary(fc.string(), fc.integer()) });
  const schema = mapOf({ a: text, list: listOf(text), inner: { type: 'object', additionalProperties: { type: 'integer' } } });
  fc.assert(fc.property(values, (value) => new Correlated(value, structuredClone(value), schema).same));
});

test('what was wrong before and is untouched is let through, by item', () => {
  const errors = (value: unknown, old: unknown) =>
    validateAgainst(byName, value, new Correlated(value, old, byName)).map(({ field, message }) => `${field}: ${message}`);
  const wrong = { name: 'a', port: 1, note: 'long' };
  assert.deepEqual(errors([{ name: 'b', port: 1, note: 'ok' }, wrong], [wrong]), []);
  assert.equal(errors([{ ...wrong, note: 'longer' }], [wrong]).length, 1);
  assert.equal(errors([{ ...wrong, port: 2 }], [wrong]).length, 1);
});
