// Signs PKCS#10 requests (RFC 2986) with the cluster's authority, as upstream's signers do: subject, alternative names and key
// come from the request, usages from the API object.
import { createPublicKey, verify } from 'node:crypto';
import type { CertificateSigner, RequestFacts } from '@tiphys/controllers';
import type { Runtime } from '@tiphys/runtime';
import { derSequence } from '@tiphys/std';
import { type KeyedCertificate, signSubject } from './x509.ts';

interface Element {
  tag: number;
  content: Buffer;
  /** With its tag and length. */
  whole: Buffer;
}

const TAG = { bits: 0x03, octets: 0x04, identifier: 0x06, sequence: 0x30, attributes: 0xa0, email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 };
const OID = { commonName: '550403', organization: '55040a', extensionRequest: '2a864886f70d01090e', alternativeNames: '551d11' };
const LENGTH_BYTES_MAX = 4;

/** The elements side by side in the bytes. */
function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > LENGTH_BYTES_MAX || start + count > bytes.length) throw new Error('asn1: structure error: bad length');
      length = bytes.readUIntBE(start, count);
      start += count;
    }
    if (start + length > bytes.length) throw new Error('asn1: syntax error: data truncated');
    found.push({ tag: bytes[at]!, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return found;
}

interface Parsed {
  facts: RequestFacts;
  subject: Buffer;
  keyInfo: Buffer;
  /** The value of the extension, as it goes into the certificate. */
  alternativeNames: Buffer | undefined;
}

function valuesOf(subject: Element, identifier: string): string[] {
  return elements(subject.content)
    .flatMap((set) => elements(set.content))
    .map((pair) => elements(pair.content))
    .filter(([type]) => type?.content.toString('hex') === identifier)
    .map(([, value]) => value!.content.toString('utf8'));
}

function alternativeNamesOf(attributes: Element | undefined): Buffer | undefined {
  for (const attribute of attributes ? elements(attributes.content) : []) {
    const [type, values] = elements(attribute.content);
    if (type?.content.toString('hex') !== OID.extensionRequest || !values) continue;
    const extensions = elements(values.content).flatMap((list) => elements(list.content));
    for (const extension of extensions) {
      const parts = elements(extension.content);
      if (parts[0]?.content.toString('hex') === OID.alternativeNames) return parts.at(-1)!.content;
    }
  }
  return undefined;
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  return Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
}

function parse(requestPem: string): Parsed {
  const block = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]+?)-----END CERTIFICATE REQUEST-----/.exec(requestPem);
  if (!block) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [request] = elements(Buffer.from(block[1]!, 'base64'));
  const [info, algorithm, signature] = elements(request?.content ?? Buffer.alloc(0));
  const [, subject, keyInfo, attributes] = elements(info?.content ?? Buffer.alloc(0));
  if (!info || !algorithm || signature?.tag !== TAG.bits || !subject || !keyInfo)
    throw new Error('asn1: structure error: not a certificate request');
  checkSignature(info.whole, keyInfo.whole, algorithm, signature.content.subarray(1));
  const names = alternativeNamesOf(attributes);
  const general = names ? elements(elements(names)[0]!.content) : [];
  const texts = (tag: number) => general.filter((name) => name.tag === tag).map(({ content }) => content.toString('latin1'));
  const facts: RequestFacts = {
    commonName: valuesOf(subject, OID.commonName).at(-1) ?? '',
    organizations: valuesOf(subject, OID.organization),
    dnsNames: texts(TAG.dns),
    emailAddresses: texts(TAG.email),
    uris: texts(TAG.uri),
    ipAddresses: general.filter(({ tag }) => tag === TAG.ip).map(({ content }) => addressText(content)),
  };
  return { facts, subject: subject.whole, keyInfo: keyInfo.whole, alternativeNames: names };
}

/** Signature algorithms by their identifier's bytes; Ed25519 has its digest built in. */
const DIGESTS: Record<string, string | null> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

/** Who asks must have the key. */
function checkSignature(info: Buffer, keyInfo: Buffer, algorithm: Element, signature: Buffer): void {
  const digest = DIGESTS[elements(algorithm.content)[0]?.content.toString('hex') ?? ''];
  if (digest === undefined) throw new Error('x509: cannot verify signature: algorithm unimplemented');
  const key = createPublicKey({ key: keyInfo, format: 'der', type: 'spki' });
  if (!verify(digest, info, key, signature)) throw new Error('x509: signature of the request does not fit its key');
}

/** `authorityName` is the common name in the authority's own certificate. */
export function certificateSigner(runtime: Runtime, authority: KeyedCertificate, authorityName: string): CertificateSigner {
  return {
    read: (requestPem) => parse(requestPem).facts,
    issue: (requestPem, usages, validForMs) => {
      const { subject, keyInfo, alternativeNames } = parse(requestPem);
      const isEmpty = subject.equals(derSequence());
      return signSubject(runtime, authority, {
        subject,
        keyInfo,
        alternativeNames,
        isCritical: isEmpty,
        usages,
        validForMs,
        authorityName,
      });
    },
  };
}
