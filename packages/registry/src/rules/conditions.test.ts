// Conditions of a status and what policies say of theirs, in upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatePolicyStatus, validateValidatingPolicy } from '../admissionregistration/policy-rules.ts';
import { checkConditions } from './conditions.ts';
import type { Errors } from './errors.ts';

const lines = (errors: Errors) => errors.map(({ field, message }) => `${field}: ${message}`);
const good = { type: 'Ready', status: 'True', lastTransitionTime: '2020-01-02T03:04:05Z', reason: 'A', message: '' };

test('conditions', () => {
  const cases: [object, string[]][] = [
    [{}, []],
    [{ status: 'Yes' }, ['c[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"']],
    [{ observedGeneration: -1 }, ['c[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero']],
    [{ lastTransitionTime: undefined }, ['c[0].lastTransitionTime: Required value']],
    [{ reason: '' }, ['c[0].reason: Required value']],
    [
      { reason: 'a b' },
      [
        "c[0].reason: Invalid value: \"a b\": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
      ],
    ],
    [{ message: 'x'.repeat(32_769) }, ['c[0].message: Too long: may not be more than 32768 bytes']],
  ];
  for (const [change, expected] of cases) {
    const errors: Errors = [];
    checkConditions(errors, 'c', [{ ...good, ...change }]);
    assert.deepEqual(lines(errors), expected, JSON.stringify(change).slice(0, 80));
  }
  const errors: Errors = [];
  checkConditions(errors, 'c', [good, good]);
  assert.deepEqual(lines(errors), ['c[1].type: Duplicate value: "Ready"']);
});

test('a policy’s status, reasons and variables that it does not have', () => {
  const typeChecking = { expressionWarnings: [{ fieldRef: ' ', warning: '' }] };
  assert.deepEqual(lines(validatePolicyStatus({ status: { typeChecking } } as never)), [
    'status.typeChecking.expressionWarnings[0].warning: Required value',
    'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
  ]);
  const found = (validation: object) =>
    lines(validateValidatingPolicy({ spec: { validations: [validation] } } as never)).filter((line) => line.includes('validations[0]'));
  assert.deepEqual(found({ expression: 'true', reason: 'Unauthorized' }), [
    'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
  ]);
  assert.match(found({ expression: 'variables.v' })[0]!, /undeclared reference to 'variables' \(in container ''\)/);
});
