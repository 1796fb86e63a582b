// Compact JWS, as service account tokens use it: RS256 and ES256/384/512 (pkg/serviceaccount/jwt.go, RFC 7515).
// node:crypto is used directly because it signs without waiting, which keeps authentication synchronous.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export interface JwtKey {
  keyId: string;
  algorithm: 'RS256' | 'ES256' | 'ES384' | 'ES512';
  publicKey: KeyObject;
}

const CURVE_ALGORITHMS: Record<string, JwtKey['algorithm']> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

function algorithmOf(key: KeyObject): JwtKey['algorithm'] {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const algorithm = CURVE_ALGORITHMS[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!algorithm) throw new Error('unknown private key type, must be RSA or ECDSA with curve 256, 384 or 521');
  return algorithm;
}

/** Upstream's key identifier: the unpadded base64url SHA-256 of the public key's SubjectPublicKeyInfo. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/** Takes a PEM private or public key. */
export function verificationKey(pem: string): JwtKey {
  const publicKey = createPublicKey(pem);
  return { keyId: keyIdOf(publicKey), algorithm: algorithmOf(publicKey), publicKey };
}

const digestOf = (algorithm: JwtKey['algorithm']) => `sha${algorithm.slice(2)}`;
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signJwt(privateKey: KeyObject, key: JwtKey, claims: object): string {
  const input = `${encoded({ alg: key.algorithm, kid: key.keyId })}.${encoded(claims)}`;
  const signature = sign(digestOf(key.algorithm), Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

export interface JwtParts {
  header: { alg?: string; kid?: string };
  claims: Record<string, unknown>;
  input: string;
  signature: Buffer;
}

/** Splits and decodes without verifying; undefined for what isn't a JWT. */
export function decodeJwt(token: string): JwtParts | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const header = JSON.parse(Buffer.from(parts[0]!, 'base64url').toString());
    const claims = JSON.parse(Buffer.from(parts[1]!, 'base64url').toString());
    if (header === null || typeof header !== 'object' || claims === null || typeof claims !== 'object') return undefined;
    return { header, claims, input: `${parts[0]}.${parts[1]}`, signature: Buffer.from(parts[2]!, 'base64url') };
  } catch {
    return undefined;
  }
}

export function verifyJwt(parts: JwtParts, keys: readonly JwtKey[]): boolean {
  return keys.some(
    (key) =>
      (!parts.header.kid || parts.header.kid === key.keyId) &&
      parts.header.alg === key.algorithm &&
      verify(digestOf(key.algorithm), Buffer.from(parts.input), { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, parts.signature),
  );
}

export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem);
}
