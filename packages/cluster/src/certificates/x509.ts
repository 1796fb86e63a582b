// Issues X.509 v3 certificates (RFC 5280) over P-256 keys: the cluster's authority, its servers and its users.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import type { Runtime } from '@tiphys/runtime';
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

export interface KeyedCertificate {
  certificatePem: string;
  privateKeyPem: string;
}

export interface CertificateRequest {
  commonName: string;
  organizations?: readonly string[];
  /** DNS names and IP addresses a server answers to. */
  hosts?: readonly string[];
  usages: readonly ('server' | 'client')[];
  validForMs: number;
}

export const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
};

/** Certificates begin a little in the past, so that clocks that differ slightly accept them. */
const BACKDATED_MS = 5 * 60_000;
const SERIAL_BYTES = 16;
const KEY_USAGE_SIGNATURE = 0x80;
const KEY_USAGE_ENCIPHERMENT = 0x20;
const KEY_USAGE_CERTIFICATE_SIGN = 0x04;

export const algorithm = derSequence(derObjectIdentifier(OID.ecdsaWithSha256));

export function nameOf(commonName: string, organizations: readonly string[] = []): Buffer {
  const part = (oid: string, text: string) => derSet(derSequence(derObjectIdentifier(oid), derText(text)));
  return derSequence(...organizations.map((o) => part(OID.organization, o)), part(OID.commonName, commonName));
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return derSequence(derObjectIdentifier(oid), ...(critical ? [derBoolean(true)] : []), derOctets(value));
}

/** The 16 or 4 bytes of an address. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(all.flatMap((g: string) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 0xff]));
}

export function alternativeNames(hosts: readonly string[]): Buffer {
  return derSequence(...hosts.map((host) => (isIP(host) ? derValue(0x87, addressBytes(host)) : derValue(0x82, Buffer.from(host)))));
}

export const publicKeyInfo = (key: KeyObject): Buffer =>
  (key.type === 'public' ? key : createPublicKey(key)).export({ type: 'spki', format: 'der' });
const keyIdentifier = (info: Buffer): Buffer => createHash('sha1').update(info).digest();

interface Body {
  runtime: Runtime;
  issuerName: Buffer;
  issuerKey: KeyObject;
  subjectName: Buffer;
  subjectKey: KeyObject;
  validForMs: number;
  extensions: Buffer[];
}

function signed(body: Body): string {
  const { runtime } = body;
  const subjectInfo = publicKeyInfo(body.subjectKey);
  const authority = derSequence(derValue(0x80, keyIdentifier(publicKeyInfo(body.issuerKey))));
  const toSign = derSequence(
    derValue(0xa0, derInteger(Buffer.of(2))),
    derInteger(runtime.random.bytes(SERIAL_BYTES)),
    algorithm,
    body.issuerName,
    derSequence(derTime(runtime.clock.now() - BACKDATED_MS), derTime(runtime.clock.now() + body.validForMs)),
    body.subjectName,
    subjectInfo,
    derValue(
      0xa3,
      derSequence(
        ...body.extensions,
        extension(OID.subjectKeyIdentifier, false, derOctets(keyIdentifier(subjectInfo))),
        extension(OID.authorityKeyIdentifier, false, authority),
      ),
    ),
  );
  const der = derSequence(toSign, algorithm, derBits(sign('sha256', toSign, body.issuerKey)));
  return `-----BEGIN CERTIFICATE-----\n${der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`;
}

export function generateKeyPem(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** A self-signed authority that may sign certificates. */
export function createAuthority(runtime: Runtime, commonName: string, validForMs: number): KeyedCertificate {
  const privateKeyPem = generateKeyPem();
  const key = createPrivateKey(privateKeyPem);
  const name = nameOf(commonName);
  const usage = KEY_USAGE_SIGNATURE | KEY_USAGE_ENCIPHERMENT | KEY_USAGE_CERTIFICATE_SIGN;
  const extensions = [
    extension(OID.keyUsage, true, derBits(Buffer.of(usage), 2)),
    extension(OID.basicConstraints, true, derSequence(derBoolean(true))),
  ];
  const certificatePem = signed({ runtime, issuerName: name, issuerKey: key, subjectName: name, subjectKey: key, validForMs, extensions });
  return { certificatePem, privateKeyPem };
}

/** A certificate with a fresh key, signed by the authority, whose own common name must be authorityName. */
export function issueCertificate(
  runtime: Runtime,
  authority: KeyedCertificate,
  authorityName: string,
  request: CertificateRequest,
): KeyedCertificate {
  const privateKeyPem = generateKeyPem();
  const extensions = [
    extension(OID.keyUsage, true, derBits(Buffer.of(KEY_USAGE_SIGNATURE | KEY_USAGE_ENCIPHERMENT), 5)),
    extension(OID.extendedKeyUsage, false, derSequence(...request.usages.map((u) => derObjectIdentifier(OID[u])))),
    extension(OID.basicConstraints, true, derSequence()),
  ];
  if (request.hosts?.length) extensions.push(extension(OID.subjectAlternativeName, false, alternativeNames(request.hosts)));
  const certificatePem = signed({
    runtime,
    issuerName: nameOf(authorityName),
    issuerKey: createPrivateKey(authority.privateKeyPem),
    subjectName: nameOf(request.commonName, request.organizations),
    subjectKey: createPrivateKey(privateKeyPem),
    validForMs: request.validForMs,
    extensions,
  });
  return { certificatePem, privateKeyPem };
}

export interface SubjectToSign {
  /** The encoded name and key as the request has them. */
  subject: Buffer;
  keyInfo: Buffer;
  /** The encoded extension value. */
  alternativeNames: Buffer | undefined;
  /** Without a subject the names are all there is. */
  isCritical: boolean;
  /** As in CertificateSigningRequests; others than the known are left out. */
  usages: readonly string[];
  validForMs: number;
  authorityName: string;
}

const KEY_USAGES: Readonly<Record<string, number>> = {
  'digital signature': KEY_USAGE_SIGNATURE,
  'key encipherment': KEY_USAGE_ENCIPHERMENT,
};
const EXTENDED_USAGES: Readonly<Record<string, string>> = { 'server auth': OID.server, 'client auth': OID.client };
const KEY_USAGE_UNUSED_BITS = 5;

/** A certificate for somebody else's key. */
export function signSubject(runtime: Runtime, authority: KeyedCertificate, wanted: SubjectToSign): string {
  const usage = wanted.usages.reduce((bits, name) => bits | (KEY_USAGES[name] ?? 0), 0);
  const extended = wanted.usages.flatMap((name) => EXTENDED_USAGES[name] ?? []);
  const names = wanted.alternativeNames;
  return signed({
    runtime,
    issuerName: nameOf(wanted.authorityName),
    issuerKey: createPrivateKey(authority.privateKeyPem),
    subjectName: wanted.subject,
    subjectKey: createPublicKey({ key: wanted.keyInfo, format: 'der', type: 'spki' }),
    validForMs: wanted.validForMs,
    extensions: [
      ...(usage ? [extension(OID.keyUsage, true, derBits(Buffer.of(usage), KEY_USAGE_UNUSED_BITS))] : []),
      ...(extended.length > 0 ? [extension(OID.extendedKeyUsage, false, derSequence(...extended.map(derObjectIdentifier)))] : []),
      extension(OID.basicConstraints, true, derSequence()),
      ...(names ? [extension(OID.subjectAlternativeName, wanted.isCritical, names)] : []),
    ],
  });
}
