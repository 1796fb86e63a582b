import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { apiregistrationv1 } from '@tiphys/api';
import type { RuleContext } from '../define-resource.ts';
import { apiServices } from './api-services.ts';

const context = {} as RuleContext;

test('a local service has no bundle, of which the bytes are told', () => {
  const service = {
    metadata: { name: 'v1.a.example.com' },
    spec: { group: 'a.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, caBundle: 'YQ==' },
  } as apiregistrationv1.APIService;
  assert.deepEqual(
    apiServices.validateCreate!(service, context).map(({ field, message }) => `${field}: ${message}`),
    ['spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle'],
  );
});
