// What counts as a change of webhook configurations: an emptiness that is not stored, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type admissionregistrationv1, applyDefaults, normalize } from '@tiphys/api';
import { validatingWebhooks } from './webhooks.ts';

type Configuration = admissionregistrationv1.ValidatingWebhookConfiguration;

const configuration = (hook: object): Configuration =>
  applyDefaults(
    normalize<Configuration>({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'x', generation: 4 },
      webhooks: [
        { name: 'a.example.com', clientConfig: { url: 'https://a/x' }, sideEffects: 'None', admissionReviewVersions: ['v1'], ...hook },
      ],
    }).object,
  );

function generationAfter(hook: object): number | undefined {
  const object = configuration(hook);
  validatingWebhooks.prepareForUpdate!(object, configuration({}), undefined as never);
  return object.metadata!.generation;
}

test('a list or map that comes empty is a change each time', () => {
  assert.equal(generationAfter({}), 4);
  assert.equal(generationAfter({ objectSelector: {} }), 4);
  assert.equal(generationAfter({ rules: [] }), 5);
  assert.equal(generationAfter({ objectSelector: { matchLabels: {} } }), 5);
});

test('a name comes once, but for one that is missing', () => {
  const hook = (name: string, ...conditions: string[]) => ({
    ...configuration({}).webhooks![0]!,
    name,
    matchConditions: conditions.map((condition) => ({ name: condition, expression: 'true' })),
  });
  const duplicates = (...webhooks: Configuration['webhooks'] & {}) =>
    validatingWebhooks.validateCreate!({ ...configuration({}), webhooks }, undefined as never)
      .filter(({ type }) => type === 'FieldValueDuplicate')
      .map(({ field }) => field);
  assert.deepEqual(duplicates(hook('a.example.com', 'c', 'c'), hook('a.example.com')), [
    'webhooks[0].matchConditions[1].name',
    'webhooks[1].name',
  ]);
  assert.deepEqual(duplicates(hook('', '', ''), hook('')), []);
});
