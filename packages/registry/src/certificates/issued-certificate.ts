// Certificates that a signer puts into a request's status (apis/certificates/validation validateCertificate; crypto/x509 parser.go
// parseCertificate). What single extensions say is not looked into.
import { DerReader, type DerValue, TAG, X509Fault } from './der-reader.ts';
import { pemBlocks } from './pem.ts';
import { readPublicKey } from './public-keys.ts';

const UTC_TIME = 23;
const GENERALIZED_TIME = 24;
const BOOLEAN = 1;
const CONTEXT = 2;
const VERSION_MAX = 2;

/** Go's parser of certificates says of each part that it is malformed, whatever is wrong with its bytes. */
function part<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof X509Fault ? new X509Fault(`x509: ${what}`) : error;
  }
}

const sequenceIn = (reader: DerReader, what: string): DerValue =>
  part(what, () => reader.read({ goType: '', tag: TAG.sequence, compound: true }));

function algorithmIn(content: Buffer): { identifier: string; parameters: Buffer } {
  const reader = new DerReader(content);
  const identifier = part('malformed OID', () => reader.readIdentifier());
  return {
    identifier,
    parameters: reader.isDone ? Buffer.alloc(0) : part('malformed parameters', () => reader.read({ goType: '' })).full,
  };
}

function checkName(content: Buffer): void {
  const names = new DerReader(content);
  while (!names.isDone) {
    const set = new DerReader(part('invalid RDNSequence', () => names.read({ goType: '', tag: TAG.set, compound: true })).content);
    while (!set.isDone) {
      const pair = new DerReader(sequenceIn(set, 'invalid RDNSequence: invalid attribute').content);
      part('invalid RDNSequence: invalid attribute type', () => pair.readIdentifier());
      part('invalid RDNSequence: invalid attribute value', () => pair.read({ goType: '' }));
    }
  }
}

function checkValidity(content: Buffer): void {
  const reader = new DerReader(content);
  for (let times = 0; times < 2; times++) {
    const { tag, content: digits } = part('unsupported time format', () => reader.read({ goType: '' }));
    const text = digits.toString('latin1');
    if (tag === UTC_TIME) {
      if (!/^\d{10}(\d\d)?(Z|[+-]\d{4})$/.test(text)) throw new X509Fault('x509: malformed UTCTime');
    } else if (tag === GENERALIZED_TIME) {
      if (!/^\d{14}Z$/.test(text)) throw new X509Fault('x509: malformed GeneralizedTime');
    } else throw new X509Fault('x509: unsupported time format');
  }
}

function checkExtensions(content: Buffer): void {
  const list = new DerReader(sequenceIn(new DerReader(content), 'malformed extensions').content);
  const seen = new Set<string>();
  while (!list.isDone) {
    const extension = new DerReader(sequenceIn(list, 'malformed extension').content);
    const identifier = part('malformed extension OID field', () => extension.readIdentifier());
    let value = part('malformed extension value field', () => extension.read({ goType: '' }));
    if (value.tag === BOOLEAN && value.class === 0) value = part('malformed extension value field', () => extension.read({ goType: '' }));
    if (value.tag !== TAG.octets) throw new X509Fault('x509: malformed extension value field');
    if (seen.has(identifier)) throw new X509Fault(`x509: certificate contains duplicate extension with OID ${JSON.stringify(identifier)}`);
    seen.add(identifier);
  }
}

function versionOf(first: DerValue): number {
  if (first.class !== CONTEXT || first.tag !== 0) return 0;
  const { content } = part('malformed version', () => new DerReader(first.content).read({ goType: '', tag: TAG.integer }));
  if (content.length !== 1 || content[0]! >= 0x80) throw new X509Fault('x509: malformed version');
  if (content[0]! > VERSION_MAX) throw new X509Fault('x509: invalid version');
  return content[0]!;
}

function checkKey(info: DerValue): void {
  const reader = new DerReader(info.content);
  const algorithm = algorithmIn(sequenceIn(reader, 'malformed public key algorithm identifier').content);
  const bits = part('malformed subjectPublicKey', () => reader.readBits());
  readPublicKey({ ...algorithm, bits, full: info.full });
}

/** Reads one certificate, and says where the next one begins. Throws X509Fault. */
function checkCertificate(der: Buffer): number {
  const whole = sequenceIn(new DerReader(der), 'malformed certificate');
  const outer = new DerReader(whole.content);
  const signed = new DerReader(sequenceIn(outer, 'malformed tbs certificate').content);
  const first = part('malformed serial number', () => signed.read({ goType: '' }));
  const version = versionOf(first);
  const isVersioned = first.class === CONTEXT && first.tag === 0;
  const serial = isVersioned ? part('malformed serial number', () => signed.read({ goType: '' })) : first;
  if (serial.tag !== TAG.integer || serial.content.length === 0) throw new X509Fault('x509: malformed serial number');
  if (serial.content[0]! >= 0x80) throw new X509Fault('x509: negative serial number');
  const inner = sequenceIn(signed, 'malformed signature algorithm identifier').content;
  if (!sequenceIn(outer, 'malformed algorithm identifier').content.equals(inner))
    throw new X509Fault("x509: inner and outer signature algorithm identifiers don't match");
  algorithmIn(inner);
  checkName(sequenceIn(signed, 'malformed issuer').content);
  checkValidity(sequenceIn(signed, 'malformed validity').content);
  checkName(sequenceIn(signed, 'malformed issuer').content);
  checkKey(sequenceIn(signed, 'malformed spki'));
  while (version > 0 && !signed.isDone) {
    const { class: of, tag, content } = part('malformed extensions', () => signed.read({ goType: '' }));
    if (of === CONTEXT && tag === 3 && version === VERSION_MAX) checkExtensions(content);
  }
  part('malformed signature', () => outer.readBits());
  return whole.full.length;
}

/** What is wrong with the text of a certificate, or nothing; an empty one is none yet. */
export function certificateFault(text: string): string | undefined {
  if (text === '') return undefined;
  const blocks = pemBlocks(text);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      for (let at = 0; at < bytes.length; ) at += checkCertificate(bytes.subarray(at));
    } catch (error) {
      if (error instanceof X509Fault) return error.message;
      throw error;
    }
  }
  return undefined;
}
