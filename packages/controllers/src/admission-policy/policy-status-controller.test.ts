import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { admissionregistrationv1, KubeObject } from '@tiphys/api';
import { planOf } from '../testing/plan.ts';
import { policyStatusController } from './policy-status-controller.ts';

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'crontabs.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'crontabs', kind: 'CronTab' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { replicas: { type: 'integer' } } } },
          },
        },
      },
    ],
  },
} as KubeObject;

function statusFor(group: string, resource: string, ...validations: { expression: string; messageExpression?: string }[]): any {
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'rule', generation: 2 },
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], resources: [resource], operations: ['*'] }] },
      validations,
    },
    status: { observedGeneration: 1 },
  } as admissionregistrationv1.ValidatingAdmissionPolicy;
  const [write] = planOf(policyStatusController, policy, [definition]) as any[];
  return write.object.status;
}

test('expressions that fit say nothing', () => {
  const fine = {
    expression: "object.spec.replicas > 1 && object.metadata.labels['a'] == 'b' && object.metadata.creationTimestamp.getFullYear() > 2000",
  };
  assert.deepEqual(statusFor('apps', 'deployments', fine), { observedGeneration: 2, typeChecking: {} });
});

test('confused types are named, for built-in kinds and custom ones', () => {
  const confused = { expression: "object.spec.replicas > '1'", messageExpression: "'got ' + object.spec.replicas" };
  for (const [group, resource, kind] of [
    ['apps', 'deployments', 'Deployment'],
    ['example.com', 'crontabs', 'CronTab'],
  ] as const) {
    const [first, second] = statusFor(group, resource, confused).typeChecking.expressionWarnings;
    assert.equal(first.fieldRef, 'spec.validations[0].expression');
    assert.equal(
      first.warning,
      `${group}/v1, Kind=${kind}: compilation failed: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n`,
    );
    assert.equal(second.fieldRef, 'spec.validations[0].messageExpression');
    assert.match(second.warning, /found no matching overload for '_\+_' applied to '\(string, int\)'/);
  }
  const [unknown] = statusFor('example.com', 'crontabs', { expression: 'object.spec.maxRetries < 10' }).typeChecking.expressionWarnings;
  assert.match(unknown.warning, /undefined field 'maxRetries'/);
});

test('a policy whose status is of its generation is left alone', () => {
  const policy = { metadata: { name: 'rule', generation: 1 }, status: { observedGeneration: 1 } } as any;
  assert.deepEqual(planOf(policyStatusController, policy, []), []);
});
