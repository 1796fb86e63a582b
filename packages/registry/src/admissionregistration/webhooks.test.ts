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

test('a wildcard stands for other resources, and an empty word is none', () => {
  const errorsOf = (resources: string[], more: object = {}) => {
    const rules = [{ apiGroups: ['a'], apiVersions: ['v1'], operations: ['CREATE'], resources }];
    const errors = validatingWebhooks.validateCreate!(configuration({ rules, ...more }), undefined as never);
    return errors.map(({ field, message }) => `${field.replace('webhooks[0].', '')}: ${message}`);
  };
  const at = 'rules[0].resources';
  assert.deepEqual(errorsOf(['a', 'a/b']), []);
  assert.deepEqual(errorsOf(['*', 'a']), [
    `${at}: Invalid value: ["*","a"]: if '*' is present, must not specify other resources without subresources`,
  ]);
  assert.deepEqual(errorsOf(['a', '*']), []);
  assert.deepEqual(errorsOf(['*/*', 'b']), [`${at}: Invalid value: ["*/*","b"]: if '*/*' is present, must not specify other resources`]);
  assert.deepEqual(errorsOf(['a/*', 'a/b']), [`${at}[1]: Invalid value: "a/b": if 'a/*' is present, must not specify a/b`]);
  assert.deepEqual(errorsOf(['*/a', 'b/a']), [`${at}[1]: Invalid value: "b/a": if '*/a' is present, must not specify b/a`]);
  assert.deepEqual(errorsOf(['']), [`${at}[0]: Required value`]);
  assert.deepEqual(errorsOf(['a'], { sideEffects: '' }), ['sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"']);
});
