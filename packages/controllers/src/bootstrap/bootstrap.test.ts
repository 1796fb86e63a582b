import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { at, nowAt } from '../testing/objects.ts';
import { planOf, planText } from '../testing/plan.ts';
import { bootstrapSigner, detachedSignature } from './bootstrap-signer.ts';
import { tokenCleaner } from './token-cleaner.ts';

const encoded = (data: Record<string, string>) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

const token = (id: string, secret: string, more: Record<string, string> = {}): corev1.Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system', uid: `uid-${id}` },
  type: 'bootstrap.kubernetes.io/token',
  data: encoded({ 'token-id': id, 'token-secret': secret, 'usage-bootstrap-signing': 'true', ...more }),
});

const info = (data: Record<string, string>): corev1.ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'cluster-info', namespace: 'kube-public', resourceVersion: '1' },
  data,
});

// Signatures as upstream's tests have them (jws_test.go, bootstrapsigner_test.go).
const CONTENT = 'Hello from the other side. I must have called a thousand times.';
const SIGNATURE = 'eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8';

test('signatures equal upstream’s', () => {
  assert.equal(detachedSignature(CONTENT, { id: 'joshua', secret: 'my voice is my passcode' }), SIGNATURE);
});

test('cluster-info has the signatures of the tokens that may sign, and no others', () => {
  const written = (tokens: corev1.Secret[], data: Record<string, string>) => {
    const write = planOf(bootstrapSigner, info(data), tokens, nowAt(0)).find((action) => action.do === 'update');
    return write && Object.keys((write.object as corev1.ConfigMap).data!);
  };
  const one = token('abcdef', 'secret');
  assert.deepEqual(written([one], { kubeconfig: 'x' }), ['kubeconfig', 'jws-kubeconfig-abcdef']);
  assert.deepEqual(written([], { kubeconfig: 'x', 'jws-kubeconfig-abcdef': 'old' }), ['kubeconfig']);
  const signed = { kubeconfig: 'x', 'jws-kubeconfig-abcdef': detachedSignature('x', { id: 'abcdef', secret: 'secret' }) };
  assert.equal(written([one], signed), undefined);
  assert.deepEqual(written([one], { ...signed, 'jws-kubeconfig-abcdef': 'changed' }), ['kubeconfig', 'jws-kubeconfig-abcdef']);
  assert.equal(written([token('abcdef', 'x', { expiration: at(-1) })], { kubeconfig: 'x' }), undefined);
  assert.equal(written([token('abcdef', 'x', { 'usage-bootstrap-signing': 'false' })], { kubeconfig: 'x' }), undefined);
  const misnamed = { ...one, metadata: { ...one.metadata, name: 'bootstrap-token-zzzzzz' } };
  assert.equal(written([misnamed], { kubeconfig: 'x' }), undefined);
  assert.equal(written([one], {}), undefined);
});

test('tokens go when they end, at once when their end can not be read', () => {
  const plan = (expiration?: string) => planText(tokenCleaner, token('abcdef', 'x', expiration ? { expiration } : {}), [], nowAt(0));
  assert.equal(plan(), '');
  assert.equal(plan(at(60)), 'wake at 00:01:00: the token ends');
  assert.equal(plan(at(-60)), 'delete secrets kube-system/bootstrap-token-abcdef: the token has ended');
  assert.equal(plan('soon'), 'delete secrets kube-system/bootstrap-token-abcdef: the token has ended');
});
