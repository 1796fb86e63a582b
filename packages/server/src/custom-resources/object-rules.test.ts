// The rules of custom resources, asked without a server: identity, scale, status, CEL, ratcheting and advice about finalizers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceType } from '@tiphys/api';
import type { FieldError, JsonSchema } from '@tiphys/machinery';
import type { RuleContext } from '@tiphys/registry';
import { type CustomObject, type ObjectRulesOptions, objectRules } from './object-rules.ts';

const type = { group: 'example.com', version: 'v1', kind: 'Gadget', resource: 'gadgets' } as ResourceType;
const schema: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        low: { type: 'integer', maximum: 10 },
        high: { type: 'integer' },
        names: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      },
      'x-kubernetes-validations': [{ rule: '!has(self.low) || !has(self.high) || self.low <= self.high' }],
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' }, phase: { type: 'string' } } },
  },
};
const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' };

const gadget = (spec: unknown, more: object = {}): CustomObject =>
  ({ apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'one' }, spec, ...more }) as CustomObject;

function rulesWith(options: Partial<ObjectRulesOptions> = {}) {
  const rules = objectRules({ type, schema, subresources: { status: {}, scale }, metadataErrors: () => [], ...options });
  const warnings: string[] = [];
  const context = { warn: (text: string) => warnings.push(text) } as unknown as RuleContext;
  const lines = (errors: readonly FieldError[] | undefined) => (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
  return {
    rules,
    warnings,
    create: (object: CustomObject) => lines(rules.validateCreate!(object, context)),
    update: (object: CustomObject, old: CustomObject) => lines(rules.validateUpdate!(object, old, context)),
    status: (object: CustomObject, old: CustomObject) => lines(rules.status!.validateUpdate!(object, old, context)),
  };
}

test('an object of another kind or version is judged no further', () => {
  const { create } = rulesWith();
  assert.deepEqual(create(gadget({ low: 'no number' }, { kind: 'Other' })), ['kind: Invalid value: "Other": must be Gadget']);
  assert.deepEqual(create(gadget({}, { apiVersion: 'example.com/v2' })), [
    'apiVersion: Invalid value: "example.com/v2": must be example.com/v1',
  ]);
});

test('what a scale reads must be there as it reads it', () => {
  const { create } = rulesWith({ schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } });
  assert.deepEqual(create(gadget({ replicas: 3 }, { status: { replicas: 1, selector: 'a=b' } })), []);
  assert.deepEqual(create(gadget(null)), []);
  assert.deepEqual(create(gadget({ replicas: -1 })), ['.spec.replicas: Invalid value: -1: should be a non-negative integer']);
  assert.deepEqual(create(gadget({ replicas: 2 ** 31 })), [
    '.spec.replicas: Invalid value: 2147483648: should be less than or equal to 2147483647',
  ]);
  assert.deepEqual(create(gadget({ replicas: 'x' })), [
    '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64',
  ]);
  assert.deepEqual(create(gadget(5)), [
    '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: 5 is of the type int64, expected map[string]interface{}',
  ]);
  assert.deepEqual(create(gadget({}, { status: { selector: true } })), [
    '.status.selector: Invalid value: "": .status.selector accessor error: true is of the type bool, expected string',
  ]);
});

test('rules are evaluated, but not where something else keeps them from it', () => {
  const { create } = rulesWith();
  assert.deepEqual(create(gadget({ low: 2, high: 1 })), [
    'spec: Invalid value: failed rule: !has(self.low) || !has(self.high) || self.low <= self.high',
  ]);
  const [mismatch, advice, ...rest] = create(gadget({ low: 'a', high: 1 }));
  assert.match(mismatch!, /^spec\.low: Invalid value: "string"/);
  assert.match(advice!, /^<nil>: Invalid value: null: some validation rules were not checked because the object was invalid/);
  assert.deepEqual(rest, []);
  const metadataErrors = (): FieldError[] => [{ type: 'FieldValueRequired', field: 'metadata.name', message: 'Required value' }];
  const [only, ...more] = rulesWith({ metadataErrors }).create(gadget({ low: 2, high: 1 }));
  assert.match(only!, /some validation rules were not checked/);
  assert.deepEqual(more, []);
});

test('a rule about a time says what it was given instead', () => {
  const since: JsonSchema = {
    type: 'string',
    format: 'date-time',
    'x-kubernetes-validations': [{ rule: "self > timestamp('2000-01-01T00:00:00Z')" }],
  };
  const { update } = rulesWith({ schema: { type: 'object', properties: { spec: { type: 'object', properties: { since } } } } });
  const wrong = gadget({ since: ['a'] });
  const [got] = update(wrong, structuredClone(wrong));
  assert.match(got!, /invalid data, expected string, got \[\]interface \{\} evaluating rule: self > timestamp/);
});

test('an update lets stand what was wrong before', () => {
  const { update } = rulesWith();
  assert.deepEqual(update(gadget({ low: 11, replicas: 1 }), gadget({ low: 11 })), []);
  assert.equal(update(gadget({ low: 12 }), gadget({ low: 11 })).length, 1);
  assert.deepEqual(update(gadget({ names: ['a', 'a'] }), gadget({ names: ['b', 'b'] })), []);
  assert.deepEqual(update(gadget({ names: ['a', 'a'] }), gadget({ names: ['a'] })), ['spec.names[1]: Duplicate value: "a"']);
});

test('the status is written beside the rest, and judged as a value of its own', () => {
  const { rules, status } = rulesWith();
  const old = gadget({ low: 1 }, { status: { phase: 'old' } });
  const main = gadget({ low: 2 }, { status: { phase: 'new' } });
  rules.prepareForUpdate!(main, old, undefined as never);
  assert.deepEqual(main, gadget({ low: 2 }, { status: { phase: 'old' } }));
  const managedFields = [{ manager: 'm' }];
  const sent = gadget({ low: 2 }, { status: { phase: 'new' }, metadata: { name: 'one', labels: { a: 'b' }, managedFields } });
  rules.status!.prepareForUpdate!(sent, old, undefined as never);
  assert.deepEqual(sent, gadget({ low: 1 }, { status: { phase: 'new' }, metadata: { name: 'one', managedFields } }));
  const [wrong] = status(gadget({}, { status: { phase: 5 } }), old);
  assert.match(wrong!, /^status\.phase: Invalid value: "integer"/);
  const created = gadget({}, { status: { phase: 'new' } });
  rules.prepareForCreate!(created, undefined as never);
  assert.equal('status' in created, false);
  assert.equal(rulesWith({ subresources: {} }).rules.status, undefined);
});

test('finalizers that others could write too are advised against, when they come', () => {
  const finalizers = (...names: string[]) => gadget({}, { metadata: { name: 'one', finalizers: names } });
  const asked = rulesWith();
  asked.create(finalizers('example.com/fine', 'orphan', 'example.com'));
  assert.deepEqual(asked.warnings, [
    'metadata.finalizers: "example.com": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers',
  ]);
  asked.update(finalizers('example.com', 'plain'), finalizers('example.com'));
  assert.deepEqual(asked.warnings.slice(1), [
    'metadata.finalizers: "plain": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
  ]);
});
