// Issues service account tokens and publishes the keys that verify them (pkg/serviceaccount/{jwt,openidmetadata}.go).
import { invariant } from '@tiphys/std';
import { type JwtKey, privateKeyOf, signJwt, verificationKey } from './jwt.ts';
import { LEGACY_ISSUER } from './service-account-claims.ts';

export interface TokenSignerOptions {
  /** RSA or ECDSA private key that signs. */
  privateKeyPem: string;
  /** Public or private keys of earlier signers that still verify. */
  verificationKeyPems?: readonly string[];
  /** The `iss` claim; an https URL when others are to discover the keys. */
  issuer: string;
  /** Issuers still accepted besides the first. */
  acceptedIssuers?: readonly string[];
  /** Where the keys are served. Defaults to `<issuer>/openid/v1/jwks`. */
  jwksUri?: string;
}

export interface TokenSigner {
  readonly issuer: string;
  readonly issuers: ReadonlySet<string>;
  readonly keys: readonly JwtKey[];
  /** Signs the claims with `iss` added. */
  sign(claims: object): string;
  /** For tokens that are kept in secrets, which name an issuer of their own. */
  signLegacy(claims: object): string;
  /** The document of `/openid/v1/jwks`. */
  jwks(): object;
  /** The document of `/.well-known/openid-configuration`. */
  openidConfiguration(): object;
}

export function createTokenSigner(options: TokenSignerOptions): TokenSigner {
  invariant(options.issuer !== '', 'a token signer needs an issuer');
  const privateKey = privateKeyOf(options.privateKeyPem);
  const own = verificationKey(options.privateKeyPem);
  const earlier = (options.verificationKeyPems ?? []).map(verificationKey).filter((key) => key.keyId !== own.keyId);
  const keys = [own, ...earlier];
  const jwksUri = options.jwksUri ?? `${options.issuer.replace(/\/$/, '')}/openid/v1/jwks`;
  return {
    issuer: options.issuer,
    issuers: new Set([options.issuer, ...(options.acceptedIssuers ?? [])]),
    keys,
    sign: (claims) => signJwt(privateKey, own, { ...claims, iss: options.issuer }),
    signLegacy: (claims) => signJwt(privateKey, own, { ...claims, iss: LEGACY_ISSUER }),
    jwks: () => ({ keys: keys.map(jwkOf) }),
    openidConfiguration: () => ({
      issuer: options.issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.algorithm))].sort(),
    }),
  };
}

function jwkOf(key: JwtKey): object {
  const { kty, ...rest } = key.publicKey.export({ format: 'jwk' });
  return { use: 'sig', kty, kid: key.keyId, alg: key.algorithm, ...rest };
}

export const JWKS_PATH = '/openid/v1/jwks';
export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const JWKS_CONTENT_TYPE = 'application/jwk-set+json';
