import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceDefinition, RuleContext } from '@tiphys/registry';
import type { Definition } from './conditions.ts';
import { customResourceDefinitionRules } from './definition-rules.ts';

const rules = customResourceDefinitionRules({} as ResourceDefinition<any>);
const context = {} as RuleContext;

const definition = (...versions: object[]) => ({ metadata: { name: 'a', generation: 1 }, spec: { versions } }) as unknown as Definition;
const withSize = (size: object) => definition({ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties: { size } } } });

test('the version that is stored is kept in mind, even one without a name', () => {
  const crd = definition({ name: 'v1' }, { storage: true });
  rules.prepareForCreate!(crd, context);
  assert.deepEqual(crd.status, { acceptedNames: { kind: '', plural: '' }, conditions: null, storedVersions: [''] });
});

test('what is empty in a schema counts as a change of it', () => {
  const generation = (before: object, after: object) => {
    const crd = withSize(after);
    rules.prepareForUpdate!(crd, withSize(before), context);
    return crd.metadata!.generation;
  };
  assert.equal(generation({ type: 'array' }, { type: 'array', default: [] }), 2);
  assert.equal(generation({ type: 'array' }, { type: 'array', items: null }), 2);
  assert.equal(generation({ type: 'array', items: null }, { type: 'array', items: null }), 1);
});
