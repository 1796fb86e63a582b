// Compact JWS (RFC 7515): RS256 and ES256/384/512 as service account tokens use it (pkg/serviceaccount/jwt.go), and what else OpenID
// providers sign with.
// node:crypto is used directly because it signs without waiting, which keeps authentication synchronous.
import { constants, createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

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

interface SigningAlgorithm {
  keyType: 'rsa' | 'ec';
  /** Of elliptic keys: only the algorithm's own. */
  curve?: string;
  /** RSASSA-PSS rather than PKCS #1 v1.5. */
  pss?: boolean;
}

const RSA: SigningAlgorithm = { keyType: 'rsa' };
const PSS: SigningAlgorithm = { keyType: 'rsa', pss: true };
const SIGNING_ALGORITHMS: Readonly<Record<string, SigningAlgorithm>> = {
  ES256: { keyType: 'ec', curve: 'prime256v1' },
  ES384: { keyType: 'ec', curve: 'secp384r1' },
  ES512: { keyType: 'ec', curve: 'secp521r1' },
  PS256: PSS,
  PS384: PSS,
  PS512: PSS,
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
};

/** All that others may sign tokens with: never `none`, never a shared secret. */
export const SIGNING_ALGORITHM_NAMES: readonly string[] = Object.keys(SIGNING_ALGORITHMS);

/** Whether the key made the signature by the algorithm that the header names. */
export function isSignedBy({ header, input, signature }: JwtParts, publicKey: KeyObject): boolean {
  const name = header.alg ?? '';
  const algorithm = Object.hasOwn(SIGNING_ALGORITHMS, name) ? SIGNING_ALGORITHMS[name] : undefined;
  if (!algorithm || publicKey.asymmetricKeyType !== algorithm.keyType) return false;
  if (algorithm.curve && publicKey.asymmetricKeyDetails?.namedCurve !== algorithm.curve) return false;
  const padding = algorithm.pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
    : { dsaEncoding: 'ieee-p1363' as const };
  return verify(`sha${name.slice(2)}`, Buffer.from(input), { key: publicKey, ...padding }, signature);
}

export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem);
}
