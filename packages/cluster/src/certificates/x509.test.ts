import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { createAuthority, issueCertificate } from './x509.ts';

const runtime = realRuntime();
const YEAR_MS = 365 * 86_400_000;

test('an issued certificate names its subject, its hosts and its authority', () => {
  const authority = createAuthority(runtime, 'kubernetes', 10 * YEAR_MS);
  const issued = issueCertificate(runtime, authority, 'kubernetes', {
    commonName: 'kube-apiserver',
    organizations: ['system:masters', 'x'],
    hosts: ['localhost', '127.0.0.1', 'fd00::1', 'kubernetes.default.svc'],
    usages: ['server', 'client'],
    validForMs: YEAR_MS,
  });
  const root = new X509Certificate(authority.certificatePem);
  const leaf = new X509Certificate(issued.certificatePem);
  assert.ok(root.ca);
  assert.ok(!leaf.ca);
  assert.ok(leaf.checkIssued(root));
  assert.ok(leaf.verify(root.publicKey));
  assert.ok(leaf.checkHost('kubernetes.default.svc'));
  assert.ok(leaf.checkIP('127.0.0.1'));
  assert.equal(leaf.checkIP('10.0.0.1'), undefined);
  assert.equal(leaf.subject, 'O=system:masters\nO=x\nCN=kube-apiserver');
  assert.match(leaf.subjectAltName ?? '', /FD00:0:0:0:0:0:0:1/i);
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
});

test('a certificate of another authority is not taken for ours', () => {
  const ours = createAuthority(runtime, 'kubernetes', YEAR_MS);
  const theirs = createAuthority(runtime, 'kubernetes', YEAR_MS);
  const issued = issueCertificate(runtime, theirs, 'kubernetes', { commonName: 'admin', usages: ['client'], validForMs: YEAR_MS });
  assert.equal(new X509Certificate(issued.certificatePem).verify(new X509Certificate(ours.certificatePem).publicKey), false);
});
