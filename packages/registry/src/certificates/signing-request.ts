// PKCS#10 requests as upstream reads and verifies them (apis/certificates/helpers.go ParseCSR; crypto/x509 ParseCertificateRequest,
// CheckSignature; RFC 2986).
import { isUtf8 } from 'node:buffer';
import { constants, verify } from 'node:crypto';
import { checkAlternativeNames } from './certificate-extensions.ts';
import { DerReader, type DerValue, syntaxFault, TAG, X509Fault } from './der-reader.ts';
import { pemBlocks } from './pem.ts';
import { type Algorithm, type PublicKey, readAlgorithm, readPublicKey } from './public-keys.ts';

interface Signature {
  name: string;
  of: Algorithm;
  /** Of the digest; absent where the key's algorithm has its own. */
  hash?: string;
}

const SIGNATURES: Readonly<Record<string, Signature>> = {
  '1.2.840.113549.1.1.4': { name: 'MD5-RSA', of: 'RSA', hash: 'md5' },
  '1.2.840.113549.1.1.5': { name: 'SHA1-RSA', of: 'RSA', hash: 'sha1' },
  '1.3.14.3.2.29': { name: 'SHA1-RSA', of: 'RSA', hash: 'sha1' },
  '1.2.840.113549.1.1.11': { name: 'SHA256-RSA', of: 'RSA', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { name: 'SHA384-RSA', of: 'RSA', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { name: 'SHA512-RSA', of: 'RSA', hash: 'sha512' },
  '1.2.840.10040.4.3': { name: 'DSA-SHA1', of: 'DSA', hash: 'sha1' },
  '2.16.840.1.101.3.4.3.2': { name: 'DSA-SHA256', of: 'DSA', hash: 'sha256' },
  '1.2.840.10045.4.1': { name: 'ECDSA-SHA1', of: 'ECDSA', hash: 'sha1' },
  '1.2.840.10045.4.3.2': { name: 'ECDSA-SHA256', of: 'ECDSA', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { name: 'ECDSA-SHA384', of: 'ECDSA', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { name: 'ECDSA-SHA512', of: 'ECDSA', hash: 'sha512' },
  '1.3.101.112': { name: 'Ed25519', of: 'Ed25519' },
};
const RSA_PSS = '1.2.840.113549.1.1.10';
/** The digests that PSS may have, by the bytes of their identifier, and the salt's length, which is theirs. */
const PSS_DIGESTS = [
  ['sha256', '0609608648016503040201', 32],
  ['sha384', '0609608648016503040202', 48],
  ['sha512', '0609608648016503040203', 64],
] as const;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ALTERNATIVE_NAMES = '2.5.29.17';
const BOOLEAN = 1;
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/;
const RSA_BITS_MIN = 1024;
const UNIMPLEMENTED = 'x509: cannot verify signature: algorithm unimplemented';
/** What messages call a key's type. */
const GO_KEYS: Readonly<Record<string, string>> = { RSA: '*rsa.PublicKey', ECDSA: '*ecdsa.PublicKey', Ed25519: 'ed25519.PublicKey' };

interface Request {
  signed: Buffer;
  algorithm: { identifier: string; parameters: Buffer };
  signature: Buffer;
  key: PublicKey | undefined;
}

function readRequest(der: Buffer): Request {
  const outer = new DerReader(der);
  const all = outer.readSequence('certificateRequest');
  const info = all.read({ goType: 'tbsCertificateRequest', tag: TAG.sequence, compound: true });
  const parts = new DerReader(info.content);
  parts.readInteger();
  const subject = parts.read({ goType: 'RawValue' }).full;
  const keyInfo = parts.read({ goType: 'publicKeyInfo', tag: TAG.sequence, compound: true });
  const keyParts = new DerReader(keyInfo.content);
  const { identifier, parameters } = readAlgorithm(keyParts);
  const bits = keyParts.readBits();
  const attributes = parts.read({ goType: '', tag: 0, compound: true, isContext: true });
  const values = new DerReader(attributes.content).readAll({ goType: 'RawValue' });
  const algorithm = readAlgorithm(all);
  const signature = all.readBits();
  if (!outer.isDone) throw syntaxFault('trailing data');
  const key = readPublicKey({ identifier, parameters, bits });
  checkSubject(subject);
  checkExtensions(values.map(({ full }) => full));
  return { signed: info.full, algorithm, signature, key };
}

function checkSubject(subject: Buffer): void {
  const names = new DerReader(subject).read({ goType: 'RDNSequence', tag: TAG.sequence, compound: true });
  for (const set of new DerReader(names.content).readAll({ goType: 'RelativeDistinguishedNameSET', tag: TAG.set, compound: true }))
    for (const pair of new DerReader(set.content).readAll({ goType: 'AttributeTypeAndValue', tag: TAG.sequence, compound: true })) {
      const reader = new DerReader(pair.content);
      reader.readIdentifier();
      checkText(reader.read({ goType: '' }));
    }
}

/** The characters of each type of text, by its tag, and what is said of another. */
const TEXTS: Readonly<Record<number, readonly [RegExp, string]>> = {
  18: [/^[0-9 ]*$/, 'asn1: syntax error: NumericString contains invalid character'],
  19: [/^[A-Za-z0-9'()+,\-./ :=?*&]*$/, 'asn1: syntax error: PrintableString contains invalid character'],
  22: [ASCII, 'asn1: syntax error: IA5String contains invalid character'],
};
const UTF8_TEXT = 12;

function checkText({ class: of, tag, compound, content }: DerValue): void {
  if (of !== 0 || compound) return;
  if (tag === UTF8_TEXT && !isUtf8(content)) throw new X509Fault('asn1: invalid UTF-8 string');
  const rule = TEXTS[tag];
  if (rule && !rule[0].test(content.toString('latin1'))) throw new X509Fault(rule[1]);
}

/** The extensions that are asked for, each once. Attributes of other forms are nobody's business. */
function checkExtensions(attributes: readonly Buffer[]): void {
  const seen = new Set<string>();
  for (const attribute of attributes) {
    const list = requestedExtensions(attribute);
    if (!list) continue;
    for (const { content } of new DerReader(list).readSequence('').readAll({ goType: 'Extension', tag: TAG.sequence, compound: true })) {
      const extension = new DerReader(content);
      const identifier = extension.readIdentifier();
      if (seen.has(identifier)) throw new X509Fault('x509: certificate request contains duplicate requested extensions');
      seen.add(identifier);
      let value = extension.read({ goType: '' });
      if (value.tag === BOOLEAN) value = extension.read({ goType: '', tag: TAG.octets });
      if (identifier === ALTERNATIVE_NAMES) checkAlternativeNames(value.content);
    }
  }
}

function requestedExtensions(attribute: Buffer): Buffer | undefined {
  try {
    const reader = new DerReader(attribute).readSequence('pkcs10Attribute');
    const identifier = reader.readIdentifier();
    const values = new DerReader(reader.read({ goType: '', tag: TAG.set, compound: true }).content).readAll({ goType: 'RawValue' });
    return identifier === EXTENSION_REQUEST ? values[0]?.full : undefined;
  } catch (error) {
    if (error instanceof X509Fault) return undefined;
    throw error;
  }
}

function verifyFault({ signed, algorithm, signature, key }: Request): string | undefined {
  const pss = algorithm.identifier === RSA_PSS ? PSS_DIGESTS.find(([, hex]) => algorithm.parameters.includes(hex, 0, 'hex')) : undefined;
  const known: Signature | undefined = pss ? { name: `${pss[0]}-PSS`, of: 'RSA', hash: pss[0] } : SIGNATURES[algorithm.identifier];
  if (!known || (known.of === 'Ed25519' && algorithm.parameters.length > 0)) return UNIMPLEMENTED;
  if (known.hash === 'md5') return `x509: cannot verify signature: insecure algorithm ${known.name}`;
  const type = key && GO_KEYS[key.algorithm];
  if (!key?.key || !type) return UNIMPLEMENTED;
  if (known.of !== key.algorithm)
    return `x509: signature algorithm specifies an ${known.of} public key, but have public key of type ${type}`;
  if (known.of === 'RSA') {
    const bits = key.key.asymmetricKeyDetails!.modulusLength!;
    if (bits < RSA_BITS_MIN) return `crypto/rsa: ${bits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)`;
  }
  const padding = pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss[2] } : {};
  if (verify(known.hash, signed, { key: key.key, ...padding }, signature)) return undefined;
  return known.of === 'RSA' ? 'crypto/rsa: verification error' : `x509: ${known.of} verification failure`;
}

/** What is wrong with the text of a request, or nothing. */
export function signingRequestFault(text: string): string | undefined {
  const [block] = pemBlocks(text);
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    return verifyFault(readRequest(block.bytes));
  } catch (error) {
    if (error instanceof X509Fault) return error.message;
    throw error;
  }
}
