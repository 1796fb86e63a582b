import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { realRuntime } from '@tiphys/runtime';
import { derBits, derInteger, derObjectIdentifier, derOctets, derSequence, derSet, derText, derValue } from '@tiphys/std';
import { certificateSigner } from './certificate-signer.ts';
import { createAuthority, generateKeyPem } from './x509.ts';

const runtime = realRuntime();
const YEAR_MS = 365 * 24 * 3_600_000;

/** What `openssl req -new` makes. */
function request(commonName: string, organization: string, hosts: readonly Buffer[] = [], signWith?: string): string {
  const keyPem = generateKeyPem();
  const key = createPrivateKey(keyPem);
  const name = (oid: string, text: string) => derSet(derSequence(derObjectIdentifier(oid), derText(text)));
  const names = derSequence(derObjectIdentifier('2.5.29.17'), derOctets(derSequence(...hosts)));
  const extensions = derSequence(derObjectIdentifier('1.2.840.113549.1.9.14'), derSet(derSequence(names)));
  const info = derSequence(
    derInteger(Buffer.of(0)),
    derSequence(name('2.5.4.10', organization), name('2.5.4.3', commonName)),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    derValue(0xa0, ...(hosts.length > 0 ? [extensions] : [])),
  );
  const signature = sign('sha256', info, createPrivateKey(signWith ?? keyPem));
  const der = derSequence(info, derSequence(derObjectIdentifier('1.2.840.10045.4.3.2')), derBits(signature));
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}

const hosts = [derValue(0x82, Buffer.from('node-1')), derValue(0x87, Buffer.of(10, 0, 0, 7))];

test('a request becomes a certificate of the authority', () => {
  const authority = createAuthority(runtime, 'kubernetes', YEAR_MS);
  const signer = certificateSigner(runtime, authority, 'kubernetes');
  const asked = request('system:node:node-1', 'system:nodes', hosts);
  assert.deepEqual(signer.read(asked), {
    commonName: 'system:node:node-1',
    organizations: ['system:nodes'],
    dnsNames: ['node-1'],
    ipAddresses: ['10.0.0.7'],
    emailAddresses: [],
    uris: [],
  });
  const certificate = new X509Certificate(signer.issue(asked, ['digital signature', 'server auth'], YEAR_MS));
  assert.ok(certificate.checkIssued(new X509Certificate(authority.certificatePem)));
  assert.ok(certificate.verify(new X509Certificate(authority.certificatePem).publicKey));
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:node-1');
  assert.equal(certificate.subjectAltName, 'DNS:node-1, IP Address:10.0.0.7');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

test('nobody gets a certificate for a key of others, or for something else', () => {
  const signer = certificateSigner(runtime, createAuthority(runtime, 'kubernetes', YEAR_MS), 'kubernetes');
  assert.throws(() => signer.read(request('a', 'b', [], generateKeyPem())), /does not fit its key/);
  assert.throws(() => signer.read('nothing'), /must be CERTIFICATE REQUEST/);
  assert.throws(() => signer.read('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----'), /asn1/);
});
