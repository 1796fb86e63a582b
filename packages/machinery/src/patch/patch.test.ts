// Patches against upstream's documented behaviour: RFC 6902 and 7386 examples, and strategic merge facts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchemaTable } from '@tiphys/api';
import fc from 'fast-check';
import { StatusError } from '../status-error.ts';
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  consumedStrategicMergePatch,
  createMergePatch,
  createThreeWayJsonMergePatch,
  createThreeWayMergePatch,
  createTwoWayMergePatch,
} from './index.ts';

const table: SchemaTable = {
  Pod: {
    fields: {
      kind: { type: 'string' },
      containers: { type: 'array', items: { ref: 'Container' }, patchStrategy: 'merge', patchMergeKey: 'name' },
      finalizers: { type: 'array', items: { type: 'string' }, patchStrategy: 'merge' },
      args: { type: 'array', items: { type: 'string' } },
      labels: { type: 'object', values: { type: 'string' } },
      strategy: { ref: 'Strategy', patchStrategy: 'retainKeys' },
    },
  },
  Container: {
    fields: {
      name: { type: 'string' },
      image: { type: 'string' },
      env: { type: 'array', items: { ref: 'Env' }, patchStrategy: 'merge', patchMergeKey: 'name' },
    },
  },
  Env: { fields: { name: { type: 'string' }, value: { type: 'string' } } },
  Strategy: { fields: { type: { type: 'string' }, rollingUpdate: { type: 'object' } } },
};

const strategic = (document: object, patch: object): Record<string, unknown> =>
  applyStrategicMergePatch(document as Record<string, unknown>, patch, table, 'Pod');

test('JSON patch carries out every operation in order', () => {
  const document = { a: [1, 2, 3], b: { c: 'x' } };
  const result = applyJsonPatch(document, [
    { op: 'test', path: '/b/c', value: 'x' },
    { op: 'add', path: '/a/-', value: 4 },
    { op: 'add', path: '/a/0', value: 0 },
    { op: 'remove', path: '/a/1' },
    { op: 'replace', path: '/b/c', value: null },
    { op: 'copy', from: '/a/0', path: '/first' },
    { op: 'move', from: '/b', path: '/x~1y' },
    { op: 'replace', path: '/a/-1', value: 9 },
  ]);
  assert.deepEqual(result, { a: [0, 2, 3, 9], first: 0, 'x/y': { c: null } });
  assert.deepEqual(document, { a: [1, 2, 3], b: { c: 'x' } });
});

test('JSON patch sorts the keys of what it goes through, and leaves the others as they are', () => {
  const order = (patch: object[]) => JSON.stringify(applyJsonPatch({ b: { y: 1, x: [{ d: 1, c: 1 }] }, a: { n: 1, m: 1 } }, patch));
  assert.equal(order([]), '{"a":{"n":1,"m":1},"b":{"y":1,"x":[{"d":1,"c":1}]}}');
  assert.equal(
    order([{ op: 'add', path: '/b/z', value: { s: 1, r: 1 } }]),
    '{"a":{"n":1,"m":1},"b":{"x":[{"d":1,"c":1}],"y":1,"z":{"s":1,"r":1}}}',
  );
  assert.equal(order([{ op: 'test', path: '/a', value: { m: 1, n: 1 } }]), '{"a":{"m":1,"n":1},"b":{"y":1,"x":[{"d":1,"c":1}]}}');
  assert.equal(order([{ op: 'replace', path: '/b/x/0/c', value: 2 }]), '{"a":{"n":1,"m":1},"b":{"x":[{"c":2,"d":1}],"y":1}}');
});

test('JSON patch answers a failed operation as upstream does', () => {
  for (const operation of [
    { op: 'test', path: '/a', value: 2 },
    { op: 'remove', path: '/none' },
    { op: 'add', path: '/none/x', value: 1 },
    { op: 'jump', path: '/a' },
    { op: 'add', path: '/list/7', value: 1 },
  ]) {
    assert.throws(
      () => applyJsonPatch({ a: 1, list: [] }, [operation]),
      (error: StatusError) => {
        assert.equal(error.code, 422);
        assert.equal(error.message, 'the server rejected our request due to an error in our request');
        return error instanceof StatusError;
      },
    );
  }
  assert.throws(() => applyJsonPatch({}, {}), { code: 400, message: /cannot unmarshal object into Go value of type jsonpatch.Patch/ });
  const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} }));
  assert.throws(() => applyJsonPatch({}, many), {
    code: 413,
    message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
  });
});

test('a merge patch merges objects, removes nulls and replaces lists', () => {
  const document = { title: 'Goodbye!', author: { given: 'John', family: 'Doe' }, tags: ['a', 'b'] };
  const patch = { title: 'Hello!', author: { family: null }, tags: ['a'], extra: { deep: { no: null, yes: 1 } } };
  assert.deepEqual(applyMergePatch(document, patch), {
    title: 'Hello!',
    author: { given: 'John' },
    tags: ['a'],
    extra: { deep: { yes: 1 } },
  });
  assert.throws(() => applyMergePatch(document, []), { code: 400, message: 'Invalid JSON Patch' });
});

const json = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer()), tie('object')),
  object: fc.dictionary(fc.string({ maxLength: 3 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));

test('a merge patch drops nulls below lists, but for what takes the place of an object', () => {
  const patch = { a: [{ b: null, c: 1 }, null], d: [{ b: null }] };
  assert.deepEqual(applyMergePatch({ a: [{ b: 2 }], d: { e: 1 } }, patch), { a: [{ c: 1 }, null], d: [{ b: null }] });
});

test('property: applying the merge patch between two objects gives the second', () => {
  fc.assert(
    fc.property(json.object as fc.Arbitrary<object>, json.object as fc.Arbitrary<object>, (from, to) => {
      assert.deepEqual(applyMergePatch(from, createMergePatch(from, to)), to);
    }),
  );
});

test('strategic: lists with a merge key merge by it, the patch first decides the order', () => {
  const pod = {
    containers: [
      { name: 'a', image: '1' },
      { name: 'b', image: '1' },
    ],
  };
  assert.deepEqual(strategic(pod, { containers: [{ name: 'b', image: '2' }, { name: 'c' }] }), {
    containers: [{ name: 'a', image: '1' }, { name: 'b', image: '2' }, { name: 'c' }],
  });
  assert.deepEqual(strategic(pod, { containers: [{ name: 'a', $patch: 'delete' }] }), { containers: [{ name: 'b', image: '1' }] });
  assert.deepEqual(strategic(pod, { containers: [{ $patch: 'replace' }, { name: 'z' }] }), { containers: [{ name: 'z' }] });
  assert.deepEqual(
    strategic(pod, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: '3' }] }),
    {
      containers: [
        { name: 'b', image: '1' },
        { name: 'a', image: '3' },
      ],
    },
  );
  assert.throws(() => strategic(pod, { containers: [{ image: '2' }] }), {
    code: 500,
    message: /does not contain declared merge key: name/,
  });
  assert.throws(() => strategic({ containers: [{ name: 'a' }] }, { containers: [[]] }), {
    code: 500,
    message: 'list element types are not identical: [[map[name:a]] [[]]]',
  });
  assert.throws(() => strategic({ containers: [] }, { containers: [[]] }), { code: 422 });
  assert.throws(() => strategic(pod, { '$setElementOrder/containers': 'a' }), {
    code: 500,
    message: 'expected a []interface {}, but received a string',
  });
});

test('strategic: primitive lists, atomic lists, maps and retainKeys', () => {
  const pod = {
    finalizers: ['a', 'b'],
    args: ['x', 'y'],
    labels: { a: '1', b: '2' },
    strategy: { type: 'Rolling', rollingUpdate: { n: 1 } },
  };
  assert.deepEqual(strategic(pod, { finalizers: ['c'] }).finalizers, ['c', 'a', 'b']);
  assert.deepEqual(strategic(pod, { '$deleteFromPrimitiveList/finalizers': ['a'] }).finalizers, ['b']);
  assert.deepEqual(strategic(pod, { args: ['z'] }).args, ['z']);
  assert.deepEqual(strategic(pod, { labels: { b: null, c: '3' } }).labels, { a: '1', c: '3' });
  assert.deepEqual(strategic(pod, { labels: { $patch: 'replace', c: '3' } }).labels, { c: '3' });
  assert.deepEqual(strategic(pod, { labels: { $patch: 'delete' } }).labels, {});
  assert.deepEqual(strategic(pod, { strategy: { $retainKeys: ['type'], type: 'Recreate' } }).strategy, { type: 'Recreate' });
  assert.throws(() => strategic(pod, { strategy: { $retainKeys: ['type'], rollingUpdate: {} } }), {
    message: 'invalid patch format of retainKeys',
  });
  assert.throws(() => strategic(pod, { labels: { $patch: 'what' } }), { message: /^unknown patch type: what in map: / });
});

test('strategic: what is left of a patch once it was carried out', () => {
  const patch = { strategy: { $retainKeys: ['type'], type: 'Recreate' }, other: { a: null, b: [{ $patch: 'delete' }, { c: 1 }] } };
  const left = consumedStrategicMergePatch({ strategy: { type: 'Other', rollingUpdate: {} } }, patch, table, 'Pod');
  assert.deepEqual(left, { strategy: { type: 'Recreate' }, other: { b: [{ c: 1 }] } });
  assert.deepEqual(patch.strategy.$retainKeys, ['type']);
});

test('strategic: what the object lacks comes without nulls and directives', () => {
  assert.deepEqual(strategic({}, { labels: { a: null, b: '1' }, containers: [{ name: 'x', $patch: 'delete' }, { name: 'y' }] }), {
    labels: { b: '1' },
    containers: [{ name: 'y' }],
  });
});

const containers = fc.uniqueArray(
  fc.record(
    { name: fc.constantFrom('a', 'b', 'c', 'd'), image: fc.constantFrom('1', '2') },
    { requiredKeys: ['name'], noNullPrototype: true },
  ),
  { selector: (c) => c.name },
);
const pods = fc.record(
  {
    containers,
    finalizers: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
    labels: fc.dictionary(fc.constantFrom('p', 'q'), fc.string(), { noNullPrototype: true }),
  },
  { noNullPrototype: true },
);

test('property: the two-way strategic patch turns the first object into the second', () => {
  fc.assert(
    fc.property(pods, pods, (from, to) => {
      assert.deepEqual(strategic(from, createTwoWayMergePatch(from, to, table, 'Pod')), to);
    }),
    { numRuns: 500 },
  );
});

test('the three-way patch keeps what others added and removes what was dropped', () => {
  const original = {
    labels: { a: '1', gone: '1' },
    containers: [
      { name: 'web', image: '1' },
      { name: 'old', image: '1' },
    ],
  };
  const modified = { labels: { a: '2' }, containers: [{ name: 'web', image: '2' }] };
  const current = {
    labels: { a: '1', gone: '1', theirs: '1' },
    containers: [{ name: 'web', image: '1', env: [{ name: 'X', value: '1' }] }, { name: 'old', image: '1' }, { name: 'injected' }],
  };
  const patch = createThreeWayMergePatch(original, modified, current, table, 'Pod');
  assert.deepEqual(strategic(current, patch), {
    labels: { a: '2', theirs: '1' },
    containers: [{ name: 'web', image: '2', env: [{ name: 'X', value: '1' }] }, { name: 'injected' }],
  });
  assert.deepEqual(createThreeWayMergePatch(modified, modified, modified, table, 'Pod'), {});
  assert.deepEqual(createThreeWayJsonMergePatch({ a: 1, b: { c: 1, d: 1 } }, { b: { c: 2 } }, { a: 1, b: { c: 1, d: 1, e: 1 } }), {
    a: null,
    b: { c: 2, d: null },
  });
});
