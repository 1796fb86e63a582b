import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { certificateRequest } from './certificate-request.ts';
import { certificateSigner } from './certificate-signer.ts';
import { createAuthority, generateKeyPem } from './x509.ts';

const HOUR_MS = 3_600_000;
const runtime = realRuntime();
const signer = certificateSigner(runtime, createAuthority(runtime, 'kubernetes', HOUR_MS), 'kubernetes');

test('a signer reads what was asked, and the certificate fits the key', () => {
  const key = generateKeyPem();
  const asked = certificateRequest(key, { commonName: 'system:node:b', organizations: ['system:nodes'], hosts: ['10.244.1.1', 'b'] });
  const { commonName, organizations, ipAddresses, dnsNames } = signer.read(asked);
  assert.deepEqual(
    { commonName, organizations, ipAddresses, dnsNames },
    { commonName: 'system:node:b', organizations: ['system:nodes'], ipAddresses: ['10.244.1.1'], dnsNames: ['b'] },
  );
  const certificate = new X509Certificate(signer.issue(asked, ['digital signature', 'server auth'], HOUR_MS));
  assert.equal(certificate.checkIP('10.244.1.1'), '10.244.1.1');
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:b');
});

test('without names it is a client', () => {
  const { dnsNames, ipAddresses } = signer.read(certificateRequest(generateKeyPem(), { commonName: 'a', organizations: [] }));
  assert.deepEqual([...dnsNames, ...ipAddresses], []);
});
