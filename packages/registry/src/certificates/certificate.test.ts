// Certificates in Go's words: each text below is what crypto/x509 of Go 1.26 says of the same bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  derBits,
  derBoolean,
  derInteger,
  derObjectIdentifier,
  derOctets,
  derSequence,
  derSet,
  derText,
  derTime,
  derValue,
} from '@tiphys/std';
import fc from 'fast-check';
import { authorityBundleFault } from './authority-bundle.ts';
import { readOneCertificate } from './certificate.ts';
import { X509Fault } from './der-reader.ts';
import { isDerTime } from './der-time.ts';

/** Made by OpenSSL: every extension that RFC 5280 knows, a key on P-256. */
const whole = Buffer.from(
  'MIIDSjCCAu+gAwIBAgIUS3cSHwK3l7mIoNB6bqW9xvTLuWQwCgYIKoZIzj0EAwIwLTELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0dyw7bDn2UxDDAKBgNVBAMMA2EgYjAeFw0yNjExMjEyMTU2NDdaFw0zNTAyMDcyMTU2NDdaMC0xCzAJBgNVBAYTAkRFMRAwDgYDVQQKDAdHcsO2w59lMQwwCgYDVQQDDANhIGIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS/k7qQN+Z0VF4I1EX7T2NM6YFwwZwyzHMnjdKgtR84jDltvin/JBNCkuRIP0ZUtHinrmJTPQmzCH04ty6bhXaMo4IB6zCCAecwEgYDVR0TAQH/BAgwBgEB/wIBAzAOBgNVHQ8BAf8EBAMCAoQwGAYDVR0lBBEwDwYIKwYBBQUHAwEGAyoDBDAdBgNVHQ4EFgQUR7nWY0bZDiSvN6qkSP1nrvjYqjkwUgYDVR0jBEswSaExpC8wLTELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0dyw7bDn2UxDDAKBgNVBAMMA2EgYoIUS3cSHwK3l7mIoNB6bqW9xvTLuWQwNgYDVR0RBC8wLYINYS5leGFtcGxlLmNvbYEFYUBiLmOGFWh0dHBzOi8veC5leGFtcGxlL3A/cTBABgNVHR4EOTA3oCcwDoIMLmV4YW1wbGUuY29tMAmBB2FAYi5jb20wCocICgAAAP8AAAChDDAKhgguZm9vLmNvbTAxBgNVHR8EKjAoMBKgEKAOhgxodHRwOi8vY3JsL3gwEqAQoA6GDGh0dHA6Ly9jcmwveTAXBgNVHSAEEDAOMAUGAyoDBDAFBgMrBQgwDwYDVR0kBAgwBoABA4EBADAVBgNVHSEEDjAMMAoGAyoDBAYDKwUIMAoGA1UdNgQDAgECMDoGCCsGAQUFBwEBBC4wLDAUBggrBgEFBQcwAYYIaHR0cDovL28wFAYIKwYBBQUHMAKGCGh0dHA6Ly9pMAoGCCqGSM49BAMCA0kAMEYCIQDem512Bxu7buRrRkk3eEDXpgBWQYa+IdkeU1jXsnatRgIhAK9wXJjDrKLPy7Z0ZjsKbnnciHga+uKEy7Tn+8Qz/bPs',
  'base64',
);

const faultOf = (bytes: Buffer): string | undefined => {
  try {
    readOneCertificate(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof X509Fault) return error.message.replace(/^x509: /, '');
    throw error;
  }
};

const ED25519 = derSequence(derObjectIdentifier('1.3.101.112'));
const key = derSequence(ED25519, derBits(Buffer.alloc(32, 1)));
const nameOf = (text: Buffer) => derSequence(derSet(derSequence(derObjectIdentifier('2.5.4.3'), text)));
const name = nameOf(derText('a'));
const validity = derSequence(derTime(0), derTime(1e12));
const version = derValue(0xa0, derInteger(Buffer.of(2)));

interface Parts {
  version?: Buffer;
  serial?: Buffer;
  subject?: Buffer;
  validity?: Buffer;
  key?: Buffer;
  extensions?: readonly Buffer[];
  signature?: Buffer;
}

/** A certificate of these parts. */
function made(parts: Parts): Buffer {
  const extensions = parts.extensions ? [derValue(0xa3, derSequence(...parts.extensions))] : [];
  const signed = derSequence(
    parts.version ?? version,
    parts.serial ?? derInteger(Buffer.of(1)),
    ED25519,
    name,
    parts.validity ?? validity,
    parts.subject ?? name,
    parts.key ?? key,
    ...extensions,
  );
  return derSequence(signed, ED25519, parts.signature ?? derBits(Buffer.alloc(64)));
}

const extension = (identifier: string, value: Buffer, isCritical = false) =>
  derSequence(derObjectIdentifier(identifier), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
const knownAs = (tag: number, text: string) => extension('2.5.29.17', derSequence(derValue(0x80 | tag, Buffer.from(text))));
const limitedTo = (tag: number, content: Buffer | string) =>
  extension('2.5.29.30', derSequence(derValue(0xa0, derSequence(derValue(0x80 | tag, Buffer.from(content))))));

test('certificates that can be read, and what is wrong with the parts of others', () => {
  assert.equal(faultOf(whole), undefined);
  assert.equal(faultOf(Buffer.concat([whole, Buffer.of(0)])), 'trailing data');
  assert.equal(faultOf(whole.subarray(0, -1)), 'malformed certificate');
  const cases: [Parts, string | undefined][] = [
    [{}, undefined],
    [{ version: derValue(0xa0, derInteger(Buffer.of(3))) }, 'invalid version'],
    [{ version: derValue(0xa0, derValue(2, Buffer.of(0xff))) }, 'malformed version'],
    [{ serial: derValue(2, Buffer.of(0x80)) }, 'negative serial number'],
    [{ serial: derValue(2, Buffer.of(0, 1)) }, 'malformed serial number'],
    [{ subject: nameOf(derValue(19, Buffer.from('a@b'))) }, 'invalid RDNSequence: invalid attribute value: invalid PrintableString'],
    [{ subject: nameOf(derValue(12, Buffer.of(0xff))) }, 'invalid RDNSequence: invalid attribute value: invalid UTF-8 string'],
    [{ subject: nameOf(derValue(30, Buffer.of(0xd8, 0))) }, 'invalid RDNSequence: invalid attribute value: invalid BMPString'],
    [{ subject: nameOf(derValue(1, Buffer.of(0))) }, 'invalid RDNSequence: invalid attribute value: unsupported string type: 1'],
    [{ validity: derSequence(derValue(0x17, Buffer.from('991332000000Z')), derTime(0)) }, 'malformed UTCTime'],
    [{ validity: derSequence(derText('2001'), derTime(0)) }, 'unsupported time format'],
    [{ key: derSequence(ED25519, derBits(Buffer.alloc(31))) }, 'wrong Ed25519 public key size'],
    [
      { key: derSequence(derSequence(derObjectIdentifier('1.2.840.113549.1.1.1'), Buffer.of(5, 0)), derBits(derSequence())) },
      'invalid RSA modulus',
    ],
    [{ key: derSequence(derSequence(derObjectIdentifier('1.2.3')), derBits(Buffer.of(1))) }, undefined],
    [{ signature: derValue(3, Buffer.of(8, 0)) }, 'malformed signature'],
  ];
  for (const [parts, expected] of cases) assert.equal(faultOf(made(parts)), expected);
});

test('what extensions say', () => {
  const constraints = (value: Buffer) => extension('2.5.29.19', value);
  const cases: [Buffer[], string | undefined][] = [
    [[constraints(derSequence()), constraints(derSequence())], 'certificate contains duplicate extension with OID "2.5.29.19"'],
    [[constraints(derSequence(derValue(1, Buffer.of(1))))], 'invalid basic constraints'],
    [[extension('2.5.29.15', derText('x'))], 'invalid key usage'],
    [[extension('2.5.29.14', derOctets(Buffer.of(1)), true)], 'subject key identifier incorrectly marked critical'],
    [[extension('2.5.29.35', derSequence(), true)], 'authority key identifier incorrectly marked critical'],
    [[extension('2.5.29.37', derSequence(derText('x')))], 'invalid extended key usages'],
    [[extension('2.5.29.32', derSequence(...Array(2).fill(derSequence(derObjectIdentifier('1.2.3')))))], 'invalid certificate policies'],
    [[extension('1.3.6.1.5.5.7.1.1', derSequence(derSequence()))], 'invalid authority info access'],
    [[extension('1.2.3.4', Buffer.of(1, 2, 3), true)], undefined],
    [[knownAs(1, 'é')], 'SAN rfc822Name is malformed'],
    [[knownAs(7, '123')], 'cannot parse IP address of length 3'],
    [[knownAs(6, 'https://a b/')], 'cannot parse URI "https://a b/": parse "https://a b/": invalid character " " in host name'],
    [[knownAs(6, 'https://a..b/')], 'cannot parse URI "https://a..b/": invalid domain'],
    [[knownAs(6, 'mailto:a@b')], undefined],
    [[limitedTo(2, '.a.b')], undefined],
    [[limitedTo(2, 'a.')], 'failed to parse dnsName constraint "a."'],
    [[limitedTo(2, 'é')], 'invalid constraint value: x509: "é" cannot be encoded as an IA5String'],
    [[limitedTo(1, '"a b"@c')], undefined],
    [[limitedTo(1, 'a..b@c')], 'failed to parse rfc822Name constraint "a..b@c"'],
    [[limitedTo(6, '1.2.3.4')], 'failed to parse URI constraint "1.2.3.4": cannot be IP address'],
    [[limitedTo(7, Buffer.of(10, 0, 0, 0, 255, 0, 255, 0))], 'IP constraint contained invalid mask ff00ff00'],
    [[limitedTo(7, Buffer.of(1))], 'IP constraint contained value of length 1'],
    [[extension('2.5.29.30', derSequence())], 'empty name constraints extension'],
  ];
  for (const [extensions, expected] of cases) assert.equal(faultOf(made({ extensions })), expected);
});

test('any bytes are read or refused', () => {
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      const fault = faultOf(bytes);
      assert.ok(fault === undefined || fault.length > 0);
    }),
    { seed: 7 },
  );
});

test('times are those that Go would write the same', () => {
  const good = ['990101000000Z', '9901010000Z', '000229000000+0130', '491231235959-2400'];
  const bad = [
    '010229000000Z',
    '990101000000',
    '990101000000+0000',
    '990101000060Z',
    '990101240000Z',
    '990001000000Z',
    '990101000000+2500',
  ];
  for (const text of good) assert.ok(isDerTime(0x17, text), text);
  for (const text of bad) assert.ok(!isDerTime(0x17, text), text);
  assert.ok(isDerTime(0x18, '20500101000000Z'));
  assert.ok(!isDerTime(0x18, '205001010000Z'));
});

test('a bundle of authorities holds one that can be read', () => {
  const block = (type: string, bytes: Buffer, header = '') =>
    `-----BEGIN ${type}-----\n${header}${bytes.toString('base64')}\n-----END ${type}-----\n`;
  const fault = (text: string) =>
    authorityBundleFault(Buffer.from(text).toString('base64'))?.replace('unable to load root certificates: ', '');
  const broken = block('CERTIFICATE', Buffer.from('abc'));
  const good = block('CERTIFICATE', whole);
  assert.equal(authorityBundleFault(undefined), undefined);
  assert.equal(fault(good), undefined);
  assert.equal(fault(`${broken}words\n${good}`), undefined);
  assert.equal(fault(broken), 'failed to parse certificate: x509: malformed certificate');
  assert.equal(fault('words'), 'unable to parse bytes as PEM block');
  assert.equal(fault(block('X', whole)), 'no valid certificate authority data seen');
  assert.equal(fault(block('CERTIFICATE', whole, 'a: b\n\n')), 'no valid certificate authority data seen');
  assert.equal(fault(`${block('X', whole)}\n`), 'unable to parse bytes as PEM block');
});
