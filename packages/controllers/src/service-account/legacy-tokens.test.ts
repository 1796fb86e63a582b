import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { snapshotOf } from '../testing/plan.ts';
import { legacyCleanUps } from './legacy-token-cleaner.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 0, 1);
const day = (ago: number) => new Date(NOW_MS - ago * DAY_MS).toISOString().slice(0, 10);

const account = (secrets: string[]): corev1.ServiceAccount => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'default', namespace: 'default', uid: '1' },
  secrets: secrets.map((name) => ({ name })),
});

function secret(labels: Record<string, string>, createdAgo = 400): corev1.Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: {
      name: 'token',
      namespace: 'default',
      labels,
      creationTimestamp: new Date(NOW_MS - createdAgo * DAY_MS).toISOString(),
      annotations: { 'kubernetes.io/service-account.name': 'default', 'kubernetes.io/service-account.uid': '1' },
    },
  };
}

const mounting: corev1.Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [], volumes: [{ name: 'v', secret: { secretName: 'token' } }] },
};

const found = (one: corev1.Secret, others: (corev1.ServiceAccount | corev1.Pod)[] = [account(['token'])]) =>
  legacyCleanUps(snapshotOf([one, ...others]), NOW_MS).map((each) => each.do);

const USED = 'kubernetes.io/legacy-token-last-used';
const INVALID = 'kubernetes.io/legacy-token-invalid-since';

test('unused tokens of accounts are marked, then removed after another year', () => {
  assert.deepEqual(found(secret({})), ['mark']);
  assert.deepEqual(found(secret({ [USED]: day(370) })), ['mark']);
  assert.deepEqual(found(secret({ [USED]: day(370), [INVALID]: 'unknown' })), ['mark']);
  assert.deepEqual(found(secret({ [INVALID]: day(366) })), ['delete']);
  assert.deepEqual(found(secret({ [INVALID]: day(300) })), []);
});

test('tokens that are new, used, mounted, made by hand or unreadable stay', () => {
  assert.deepEqual(found(secret({}, 300)), []);
  assert.deepEqual(found(secret({ [USED]: day(300) })), []);
  assert.deepEqual(found(secret({ [USED]: 'long ago' })), []);
  assert.deepEqual(found(secret({}), [account(['token']), mounting]), []);
  assert.deepEqual(found(secret({}), [account([])]), []);
  assert.deepEqual(found(secret({}), []), []);
});
