// Whether a certificate and a key belong together (crypto/tls X509KeyPair).
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type Certificate, readOneCertificate } from './certificate.ts';
import { X509Fault } from './der-reader.ts';
import { pemBlocks } from './pem.ts';
import type { Algorithm } from './public-keys.ts';

/** What the key's type is called, for those that pairs are made of. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = { rsa: 'RSA', ec: 'ECDSA', ed25519: 'Ed25519' };
const PAIRED = new Set(Object.values(ALGORITHMS));

const isKey = (type: string) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');
const skippedText = (types: readonly string[]) => `after skipping PEM blocks of the following types: [${types.join(' ')}]`;

function certificateOf(input: Buffer): Buffer | string {
  const blocks = pemBlocks(input.toString('latin1'));
  const found = blocks.find(({ type }) => type === 'CERTIFICATE');
  if (found) return found.bytes;
  const types = blocks.map(({ type }) => type);
  if (types.length === 0) return 'tls: failed to find any PEM data in certificate input';
  if (types.length === 1 && types[0]!.endsWith('PRIVATE KEY')) {
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input ${skippedText(types)}`;
}

function keyOf(input: Buffer): Buffer | string {
  const blocks = pemBlocks(input.toString('latin1'));
  const found = blocks.find(({ type }) => isKey(type));
  if (found) return found.bytes;
  const types = blocks.map(({ type }) => type);
  if (types.length === 0) return 'tls: failed to find any PEM data in key input';
  if (types.length === 1 && types[0] === 'CERTIFICATE') {
    return 'tls: found a certificate rather than a key in the PEM for the private key';
  }
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input ${skippedText(types)}`;
}

/** Keys come in three forms, whatever their block is called. */
function parsedKey(der: Buffer): KeyObject | undefined {
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return createPrivateKey({ key: der, format: 'der', type });
    } catch {
      // Another form, perhaps.
    }
  }
  return undefined;
}

function certificateIn(der: Buffer): Certificate | string {
  try {
    return readOneCertificate(der);
  } catch (error) {
    if (error instanceof X509Fault) return error.message;
    throw error;
  }
}

const spki = (key: KeyObject) => key.export({ format: 'der', type: 'spki' });

/** Why the two are no pair, in upstream's words. */
export function keyPairFault(certificateInput: Buffer, keyInput: Buffer): string | undefined {
  const certificateDer = certificateOf(certificateInput);
  if (typeof certificateDer === 'string') return certificateDer;
  const keyDer = keyOf(keyInput);
  if (typeof keyDer === 'string') return keyDer;
  const certificate = certificateIn(certificateDer);
  if (typeof certificate === 'string') return certificate;
  const key = parsedKey(keyDer);
  if (key?.asymmetricKeyType === 'x25519') return 'tls: found unknown private key type in PKCS#8 wrapping';
  if (!key || !ALGORITHMS[key.asymmetricKeyType!]) return 'tls: failed to parse private key';
  const known = certificate.key;
  if (!known || !PAIRED.has(known.algorithm)) return 'tls: unknown public key algorithm';
  if (ALGORITHMS[key.asymmetricKeyType!] !== known.algorithm) return 'tls: private key type does not match public key type';
  return known.key && spki(createPublicKey(key)).equals(spki(known.key)) ? undefined : 'tls: private key does not match public key';
}
