import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Definition, naming, withCondition } from './conditions.ts';

const THEN = '2026-01-01T00:00:00Z';
const NOW = '2026-01-02T00:00:00Z';
const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };
const accepted = { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found', lastTransitionTime: THEN };
const established = { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'm', lastTransitionTime: THEN };

const definition = (acceptedNames: object, conditions: object[]) =>
  ({
    metadata: { name: 'widgets.example.com' },
    spec: { group: 'example.com', names },
    status: { acceptedNames, conditions },
  }) as never as Definition;
const named = (crd: Definition, others: Definition[] = []) => naming(crd, [crd, ...others], NOW);

test('a condition that is set keeps its generation, and its time while its status stays', () => {
  const old = [{ ...accepted, observedGeneration: -1 }];
  const next = { type: 'NamesAccepted', status: 'True', reason: 'r', message: 'm' };
  assert.deepEqual(withCondition(old, next, NOW), [{ ...next, observedGeneration: -1, lastTransitionTime: THEN }]);
  const other = { ...next, status: 'False' };
  assert.deepEqual(withCondition(old, other, NOW), [{ ...other, observedGeneration: -1, lastTransitionTime: NOW }]);
});

test('names that are accepted anew give conditions without a time theirs', () => {
  const crd = definition({ ...names, singular: 'a' }, [accepted, { ...established, lastTransitionTime: null }]);
  assert.deepEqual(named(crd), { acceptedNames: names, conditions: [accepted, { ...established, lastTransitionTime: NOW }] });
});

test('conditions are left alone while the names are accepted, and while the conflict is the same', () => {
  assert.equal(named(definition(names, [])), undefined);
  const holder = definition(names, []);
  const conflict = { ...accepted, status: 'False', reason: 'ListKindConflict', message: '"WidgetList" is already in use' };
  const own = { plural: names.plural, kind: '' };
  const told = named(definition(own, []), [holder])!;
  const waiting = definition(told.acceptedNames, [{ ...conflict, lastTransitionTime: null }]);
  assert.equal(named(waiting, [holder]), undefined);
  assert.equal(named(definition(told.acceptedNames, []), [holder])?.conditions.length, 2);
});

test('an established definition stays so when its new names are taken', () => {
  const other = definition(names, []);
  const crd = definition({ ...names, kind: 'Gadget' }, [accepted, established]);
  const { conditions } = named(crd, [other])!;
  assert.deepEqual(
    conditions.map(({ type, status, reason, lastTransitionTime }) => [type, status, reason, lastTransitionTime]),
    [
      ['NamesAccepted', 'False', 'KindConflict', NOW],
      ['Established', 'True', 'InitialNamesAccepted', THEN],
    ],
  );
});
