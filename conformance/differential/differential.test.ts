import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceOf } from './chance.ts';
import { changeFor } from './changes.ts';
import { clustersOf } from './clusters.ts';
import { drawCreate, drawFirst, drawNext } from './episode.ts';
import { withoutInternalNames } from './internal-names.ts';
import { hasKeyWithoutEquality } from './merge-keys.ts';
import { normalise } from './normalise.ts';
import { partings } from './part.ts';
import { kindsWithSeeds } from './seeds.ts';
import { applyEdits, stepText } from './step.ts';

const { kinds, missing } = kindsWithSeeds();

test('every stable kind that can be written has a seed of its own kind', () => {
  assert.deepEqual(missing, ['/v1 componentstatuses']);
  for (const { kind, seeds } of kinds) assert.ok(seeds.every((seed) => seed.kind === kind));
});

test('versions of custom resources are kinds, with the subresources and the fields of their schema', () => {
  const widget = kinds.find(({ group, version, kind }) => group === 'custom.example.com' && version === 'v1' && kind === 'Widget')!;
  assert.deepEqual([...widget.subresources.keys()].sort(), ['scale', 'status']);
  assert.deepEqual(widget.otherVersions, ['v2']);
  assert.deepEqual(
    widget.schema.fields.map(({ name }) => name),
    ['metadata', 'spec', 'status'],
  );
  const spec = widget.schema.fields[1]!.value.struct!;
  const inner = spec.fields.find(({ name }) => name === 'inner')!.value;
  assert.deepEqual(
    inner.struct!.fields.map(({ name }) => name),
    ['apiVersion', 'kind', 'spec'],
  );
});

test('a seed draws the same requests each time, another seed others', () => {
  const drawn = (seed: number) =>
    kinds.slice(0, 20).flatMap((kind, episode) => {
      const chance = chanceOf(seed, episode);
      const drawing = { chance, kind, seed: chance.pick(kind.seeds), object: undefined };
      const first = drawFirst(drawing);
      if (!kind.verbs.includes('get')) return [stepText(first)];
      return [stepText(first), stepText(drawNext({ ...drawing, object: drawing.seed }))];
    });
  assert.deepEqual(drawn(7), drawn(7));
  assert.notDeepEqual(drawn(7), drawn(8));
});

test('changes stay within the object and leave the seed as it was', () => {
  for (const [i, kind] of kinds.entries()) {
    for (const seed of kind.seeds) {
      const before = structuredClone(seed);
      for (let draw = 0; draw < 30; draw++) {
        const change = changeFor(chanceOf(draw, i), kind.schema, seed, () => true);
        assert.equal(typeof applyEdits(seed, [change]), 'object');
      }
      assert.deepEqual(seed, before);
    }
    const drawing = { chance: chanceOf(1, i), kind, seed: kind.seeds[0]!, object: undefined };
    assert.equal(drawCreate(drawing, false).method, 'POST');
  }
});

test('edits set, remove and repeat, and forgive places that are gone', () => {
  const object = { a: { list: [1, 2] }, b: 1 };
  assert.deepEqual(applyEdits(object, [{ op: 'repeat', path: ['a', 'list', 0] }]), { a: { list: [1, 2, 1] }, b: 1 });
  assert.deepEqual(applyEdits(object, [{ op: 'remove', path: ['a', 'list', 0] }]), { a: { list: [2] }, b: 1 });
  assert.deepEqual(applyEdits(object, [{ op: 'set', path: ['c', 'd'], value: 2 }]), { ...object, c: { d: 2 } });
  assert.deepEqual(applyEdits(object, [{ op: 'remove', path: ['x', 'y'] }]), object);
});

test('what servers draw is the same, what they say is not', () => {
  const answer = (uid: string, name: string) => ({ status: 200, warnings: [], body: { metadata: { name, uid, resourceVersion: '5' } } });
  const [one, two] = ['1b4e28ba-2fa1-41d2-883f-0016d3cca427', '6fa459ea-ee8a-4ca4-894e-db77e160355e'];
  assert.deepEqual(partings(normalise(answer(one, 'a')), normalise(answer(two, 'a'))), []);
  assert.deepEqual(partings(normalise(answer(one, 'a')), normalise(answer(two, 'b'))), ['/body/metadata/name: "a" → "b"']);
});

test('a name that was generated is none in later answers', () => {
  const answer = (name: string) => ({ status: 400, warnings: [], body: { message: `the name of the object (${name}) does not match` } });
  const same = (name: string) => normalise(answer(name), [], new Set([name]));
  assert.deepEqual(partings(same('ab2x4z'), same('ab9k3w')), []);
});

test('causes are a set', () => {
  const causes = [
    { field: 'a', reason: 'R', message: 'x' },
    { field: 'b', reason: 'R', message: 'y' },
  ];
  const refused = (list: object[]) => ({
    status: 422,
    warnings: [],
    body: { kind: 'Status', message: 'K "n" is invalid: […]', details: { causes: list } },
  });
  const reversed = [...causes].reverse();
  assert.deepEqual(partings(normalise(refused(causes)), normalise(refused(reversed))), []);
  assert.equal(partings(normalise(refused(causes)), normalise(refused([causes[0]!]))).length, 2);
});

test('internal names and empty fields are one with ours', () => {
  const theirs = 'spec: Invalid value: {"Driver":"d","Devices":null,"Nested":{"Count":0}}: field is immutable';
  const ours = 'spec: Invalid value: {"driver":"d"}: field is immutable';
  assert.equal(withoutInternalNames(theirs), withoutInternalNames(ours));
  assert.notEqual(withoutInternalNames(theirs), withoutInternalNames(ours.replace('"d"', '"e"')));
  assert.equal(
    withoutInternalNames('x: Invalid value: {"RBD":{"CephMonitors":["a"]},"SecurityContext":{"HostUsers":true,"HostPID":false}}: no'),
    withoutInternalNames('x: Invalid value: {"rbd":{"monitors":["a"]},"hostUsers":true,"securityContext":{}}: no'),
  );
  assert.equal(
    withoutInternalNames('x: Invalid value: {"Spec":{"Containers":[{"Name":"a"}],"ServiceAccountName":"b"}}: no'),
    withoutInternalNames('x: Invalid value: {"spec":{"containers":[{"name":"a"}],"serviceAccount":"b","serviceAccountName":"b"}}: no'),
  );
  assert.equal(withoutInternalNames('Forbidden: no\n@@ -1 +1 @@\n-a'), withoutInternalNames('Forbidden: no\n- a: 1'));
});

test('differences with one cause are one cluster', () => {
  const found = (episode: number) => ({ episode, kind: kinds[0]!, steps: [], lines: [`/body/message: "e${episode}" → "x"`] });
  assert.deepEqual(
    clustersOf([found(1), found(22)]).map(({ count }) => count),
    [2],
  );
});

test('a patch that tells items apart by a list or an object is known', () => {
  const containers = (container: object) => ({ spec: { template: { spec: { containers: [container] } } } });
  assert.equal(hasKeyWithoutEquality(containers({ name: 'a', volumeMounts: [{ mountPath: [] }] })), true);
  assert.equal(hasKeyWithoutEquality(containers({ name: {} })), true);
  assert.equal(hasKeyWithoutEquality(containers({ name: 'a', image: [] })), false);
  assert.equal(hasKeyWithoutEquality({ metadata: { name: [] } }), false);
});
