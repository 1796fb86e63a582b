import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressAt, subnetAt } from './addresses.ts';

test('addresses and parts of a range', () => {
  assert.equal(addressAt('10.96.0.0/12', 1), '10.96.0.1');
  assert.equal(addressAt('10.96.0.7/12', 10), '10.96.0.10');
  assert.equal(addressAt('10.244.0.0/16', 300), '10.244.1.44');
  assert.equal(subnetAt('10.244.0.0/16', 24, 0), '10.244.0.0/24');
  assert.equal(subnetAt('10.244.0.0/16', 24, 3), '10.244.3.0/24');
});
