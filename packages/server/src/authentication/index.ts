export type { AuthenticationOptions } from './assembly.ts';
export {
  bearerTokenAuthenticator,
  parseTokenFile,
  type StaticToken,
  staticTokenAuthenticator,
  type TokenAuthenticator,
  type TokenResult,
  unionTokenAuthenticator,
} from './bearer-token.ts';
export { bootstrapTokenAuthenticator } from './bootstrap-token.ts';
export { type ClientCertificateOptions, clientCertificateAuthenticator } from './client-certificate.ts';
export { type Impersonated, type Impersonator, impersonating, impersonator } from './impersonation/impersonation.ts';
export * from './names.ts';
export { type RequestHeaderOptions, requestHeaderAuthenticator } from './request-header.ts';
export { type ServiceAccountAuthenticatorOptions, serviceAccountAuthenticator } from './service-account.ts';
export { type ClaimsInput, claimsFor, legacyClaims, type ServiceAccountClaims } from './service-account-claims.ts';
export {
  createTokenSigner,
  JWKS_CONTENT_TYPE,
  JWKS_PATH,
  OPENID_CONFIGURATION_PATH,
  type TokenSigner,
  type TokenSignerOptions,
} from './token-signer.ts';
export { ANONYMOUS_USER, unionAuthenticator, withAuthenticatedGroup } from './union.ts';
