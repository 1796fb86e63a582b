// X.509 certificates as Go reads them, and what it says of those that it can't (crypto/x509 parser.go parseCertificate; RFC 5280).
import { checkExtensions, type Extension } from './certificate-extensions.ts';
import { DER, DerCursor, isNegative, numbered, numberedHolder } from './der-cursor.ts';
import { X509Fault } from './der-reader.ts';
import { isDerTime } from './der-time.ts';
import { nameTextFault } from './name-text.ts';
import { type PublicKey, readPublicKey } from './public-keys.ts';

const VERSION_BYTES_MAX = 8;
const VERSION_WITH_UNIQUE_IDS = 1;
const VERSION_WITH_EXTENSIONS = 2;

export interface Certificate {
  /** With all that is in it, and nothing behind it. */
  der: Buffer;
  /** Absent where nobody knows its algorithm. */
  key: PublicKey | undefined;
}

/** The value, or it is said what isn't well. */
export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new X509Fault(`x509: ${what}`);
  return value;
}

function algorithmIn(content: Buffer): { identifier: string; parameters: Buffer } {
  const cursor = new DerCursor(content);
  const identifier = must(cursor.identifier(), 'malformed OID');
  return { identifier, parameters: cursor.isEmpty ? Buffer.alloc(0) : must(cursor.any(), 'malformed parameters').full };
}

function checkName(content: Buffer): void {
  const invalid = 'invalid RDNSequence';
  for (const names = new DerCursor(content); !names.isEmpty; ) {
    const set = must(names.inner(DER.set), invalid);
    while (!set.isEmpty) {
      const pair = must(set.inner(DER.sequence), `${invalid}: invalid attribute`);
      must(pair.identifier(), `${invalid}: invalid attribute type`);
      const fault = nameTextFault(must(pair.any(), `${invalid}: invalid attribute value`));
      if (fault) throw new X509Fault(`x509: ${invalid}: invalid attribute value: ${fault}`);
    }
  }
}

function checkValidity(cursor: DerCursor): void {
  for (const _ of ['notBefore', 'notAfter']) {
    const [name, tag] = cursor.isNext(DER.utcTime)
      ? (['UTCTime', DER.utcTime] as const)
      : (['GeneralizedTime', DER.generalizedTime] as const);
    if (!cursor.isNext(tag)) throw new X509Fault('x509: unsupported time format');
    const content = cursor.content(tag);
    if (!content || !isDerTime(tag, content.toString('latin1'))) throw new X509Fault(`x509: malformed ${name}`);
  }
}

/** Counted from 0. */
function versionOf(signed: DerCursor): number {
  const tag = numberedHolder(0);
  if (!signed.isNext(tag)) return 0;
  const holder = must(signed.inner(tag), 'malformed version');
  const bytes = must(holder.integer(), 'malformed version');
  if (!holder.isEmpty || bytes.length > VERSION_BYTES_MAX || isNegative(bytes)) throw new X509Fault('x509: malformed version');
  if (bytes.length > 1 || bytes[0]! > VERSION_WITH_EXTENSIONS) throw new X509Fault('x509: invalid version');
  return bytes[0]!;
}

function keyOf(info: Buffer): PublicKey | undefined {
  const cursor = must(new DerCursor(info).inner(DER.sequence), 'malformed spki');
  const algorithm = algorithmIn(must(cursor.content(DER.sequence), 'malformed public key algorithm identifier'));
  return readPublicKey({ ...algorithm, bits: must(cursor.bits(), 'malformed subjectPublicKey') });
}

function extensionOf(content: Buffer): Extension {
  const cursor = new DerCursor(content);
  const identifier = must(cursor.identifier(), 'malformed extension OID field');
  const isCritical = cursor.isNext(DER.boolean) && must(cursor.boolean(), 'malformed extension critical field');
  return { identifier, isCritical, value: must(cursor.content(DER.octets), 'malformed extension value field') };
}

function extensionsIn(signed: DerCursor): Extension[] {
  const tag = numberedHolder(3);
  if (!signed.isNext(tag)) return [];
  const extensions: Extension[] = [];
  const list = must(must(signed.inner(tag), 'malformed extensions').inner(DER.sequence), 'malformed extensions');
  while (!list.isEmpty) {
    const extension = extensionOf(must(list.content(DER.sequence), 'malformed extension'));
    if (extensions.some(({ identifier }) => identifier === extension.identifier))
      throw new X509Fault(`x509: certificate contains duplicate extension with OID ${JSON.stringify(extension.identifier)}`);
    extensions.push(extension);
  }
  return extensions;
}

/** The certificate that the bytes begin with. Throws X509Fault. */
export function readCertificate(bytes: Buffer): Certificate {
  const whole = must(new DerCursor(bytes).element(DER.sequence), 'malformed certificate');
  const outer = new DerCursor(whole.content);
  const signed = must(outer.inner(DER.sequence), 'malformed tbs certificate');
  const version = versionOf(signed);
  if (isNegative(must(signed.integer(), 'malformed serial number'))) throw new X509Fault('x509: negative serial number');
  const inner = must(signed.content(DER.sequence), 'malformed signature algorithm identifier');
  if (!must(outer.content(DER.sequence), 'malformed algorithm identifier').equals(inner))
    throw new X509Fault("x509: inner and outer signature algorithm identifiers don't match");
  algorithmIn(inner);
  checkName(must(signed.content(DER.sequence), 'malformed issuer'));
  checkValidity(must(signed.inner(DER.sequence), 'malformed validity'));
  // The same words for the subject.
  checkName(must(signed.content(DER.sequence), 'malformed issuer'));
  const key = keyOf(must(signed.element(DER.sequence), 'malformed spki').full);
  if (version >= VERSION_WITH_UNIQUE_IDS) {
    for (const [tag, name] of [[numbered(1), 'issuerUniqueID'] as const, [numbered(2), 'subjectUniqueID'] as const])
      if (signed.isNext(tag)) must(signed.any(), `malformed ${name}`);
  }
  if (version >= VERSION_WITH_EXTENSIONS) checkExtensions(extensionsIn(signed));
  must(outer.bits(), 'malformed signature');
  return { der: whole.full, key };
}

/** Bytes that are one certificate. Throws X509Fault. */
export function readOneCertificate(bytes: Buffer): Certificate {
  const certificate = readCertificate(bytes);
  if (certificate.der.length < bytes.length) throw new X509Fault('x509: trailing data');
  return certificate;
}
