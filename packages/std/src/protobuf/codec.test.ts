import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codec } from './codec.ts';

const messages = codec({ Both: '1 id biguint64,2 lease bigint64,3 count int64', One: '1 id uint64' });

test('identities keep every digit, counts are numbers', () => {
  const message = { id: 2n ** 64n - 1n, lease: -(2n ** 62n) - 1n, count: 7 };
  assert.deepEqual(messages.decode('Both', messages.encode('Both', message)), message);
  assert.deepEqual(messages.decode('Both', messages.encode('Both', { id: 0n, lease: 0n, count: 0 })), {});
});
