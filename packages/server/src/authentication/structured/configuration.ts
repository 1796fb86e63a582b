// The file of --authentication-config: which OpenID issuers are trusted, how their claims make a user, and who may go without
// credentials (apiserver pkg/apis/apiserver/{types,v1,load}).
import { contentError, parseConfigurationFile, type Shape } from '../../configuration-file.ts';
import { type CompiledAuthenticator, compileAuthenticators } from './validation.ts';

export interface Issuer {
  url: string;
  discoveryURL?: string;
  certificateAuthority?: string;
  audiences: readonly string[];
  audienceMatchPolicy?: string;
  egressSelectorType?: string;
}

export interface ClaimValidationRule {
  claim?: string;
  requiredValue?: string;
  expression?: string;
  message?: string;
}

export interface PrefixedClaimOrExpression {
  claim?: string;
  prefix?: string;
  expression?: string;
}

export interface ClaimMappings {
  username?: PrefixedClaimOrExpression;
  groups?: PrefixedClaimOrExpression;
  uid?: { claim?: string; expression?: string };
  extra?: readonly { key: string; valueExpression: string }[];
}

export interface JwtAuthenticatorConfiguration {
  issuer: Issuer;
  claimValidationRules?: readonly ClaimValidationRule[];
  claimMappings?: ClaimMappings;
  userValidationRules?: readonly { expression: string; message?: string }[];
}

export interface AnonymousConfiguration {
  enabled: boolean;
  conditions?: readonly { path: string }[];
}

export interface AuthenticationConfiguration {
  jwt: readonly CompiledAuthenticator[];
  /** Absent: whatever the server was told otherwise. */
  anonymous?: AnonymousConfiguration;
}

const CLAIM: Shape = { claim: 'string', prefix: 'string', expression: 'string' };
const JWT: Shape = {
  issuer: {
    url: 'string',
    discoveryURL: 'string',
    certificateAuthority: 'string',
    audiences: 'strings',
    audienceMatchPolicy: 'string',
    egressSelectorType: 'string',
  },
  claimValidationRules: [{ claim: 'string', requiredValue: 'string', expression: 'string', message: 'string' }],
  claimMappings: {
    username: CLAIM,
    groups: CLAIM,
    uid: { claim: 'string', expression: 'string' },
    extra: [{ key: 'string', valueExpression: 'string' }],
  },
  userValidationRules: [{ expression: 'string', message: 'string' }],
};

const GROUP = 'apiserver.config.k8s.io';
const FORMAT = {
  apiVersions: [`${GROUP}/v1`, `${GROUP}/v1beta1`, `${GROUP}/v1alpha1`],
  kind: 'AuthenticationConfiguration',
  shape: { jwt: [JWT], anonymous: { enabled: 'boolean', conditions: [{ path: 'string' }] } },
} as const;

/** Throws ConfigurationFileError naming all that is wrong. `ownIssuers` sign service account tokens and can't be others'. */
export function parseAuthenticationConfiguration(text: string, ownIssuers: readonly string[]): AuthenticationConfiguration {
  const { jwt, anonymous } = parseConfigurationFile(text, FORMAT) as {
    jwt?: JwtAuthenticatorConfiguration[] | null;
    anonymous?: AnonymousConfiguration | null;
  };
  const { authenticators, errors } = compileAuthenticators(jwt ?? [], ownIssuers);
  if (anonymous && !anonymous.enabled && anonymous.conditions?.length) {
    errors.push('anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined');
  }
  if (errors.length > 0) throw contentError(FORMAT.kind, errors);
  return { jwt: authenticators, ...(anonymous ? { anonymous: { ...anonymous, enabled: anonymous.enabled ?? false } } : {}) };
}
