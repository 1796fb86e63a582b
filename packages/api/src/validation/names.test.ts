import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  isValidPortName,
  nameIsDnsSubdomain,
} from './names.ts';

test('valid names pass', () => {
  assert.deepEqual(isDns1123Label('my-name'), []);
  assert.deepEqual(isDns1123Subdomain('a.b.c'), []);
  assert.deepEqual(isQualifiedName('example.com/My_Name'), []);
  assert.deepEqual(isLabelValue(''), []);
  assert.deepEqual(isConfigMapKey('.dockercfg'), []);
  assert.deepEqual(nameIsDnsSubdomain('web-', true), []);
});

test('complaints are upstream’s', () => {
  assert.deepEqual(isDns1123Label('a.b'), ['must not contain dots']);
  assert.deepEqual(isDns1123Label('A'), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(isDns1123Subdomain('a'.repeat(254)), ['must be no more than 253 characters']);
  assert.deepEqual(isQualifiedName('/x'), ['prefix part must be non-empty']);
  assert.deepEqual(isValidPortName('8080'), ['must contain at least one letter (a-z)']);
  assert.deepEqual(isConfigMapKey('..x'), ["must not start with '..'"]);
});
