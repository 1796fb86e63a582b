// Judges and compiles what an AuthenticationConfiguration says of issuers (apiserver pkg/apis/apiserver/validation/validation.go).
import { X509Certificate } from 'node:crypto';
import { type FieldError, fieldError } from '@tiphys/machinery';
import { pemCertificates } from '../client-certificate.ts';
import type {
  ClaimMappings,
  ClaimValidationRule,
  Issuer,
  JwtAuthenticatorConfiguration,
  PrefixedClaimOrExpression,
} from './configuration.ts';
import { type CompiledExpression, compileExpression } from './expressions.ts';

const ISSUERS_MAX = 64;
const MATCH_ANY = 'MatchAny';

export interface Rule extends CompiledExpression {
  readonly message: string;
}

/** An issuer with its expressions ready to run. */
export interface CompiledAuthenticator {
  readonly configuration: JwtAuthenticatorConfiguration;
  readonly username?: CompiledExpression;
  readonly groups?: CompiledExpression;
  readonly uid?: CompiledExpression;
  readonly extra: readonly (CompiledExpression & { readonly key: string })[];
  readonly claimRules: readonly Rule[];
  readonly userRules: readonly Rule[];
}

type Draft = { -readonly [K in keyof CompiledAuthenticator]: CompiledAuthenticator[K] } & {
  extra: (CompiledExpression & { key: string })[];
  claimRules: Rule[];
  userRules: Rule[];
};

export interface Compiled {
  authenticators: CompiledAuthenticator[];
  /** `field: message`, as upstream writes them. */
  errors: string[];
}

const lineOf = ({ field, message }: FieldError) => `${field}: ${message}`;

export function compileAuthenticators(jwt: readonly JwtAuthenticatorConfiguration[], ownIssuers: readonly string[]): Compiled {
  if (jwt.length > ISSUERS_MAX) return { authenticators: [], errors: [lineOf(fieldError.tooMany('jwt', jwt.length, ISSUERS_MAX))] };
  const errors: FieldError[] = [];
  const seen = { url: new Set<string>(), discoveryURL: new Set<string>() };
  const authenticators = jwt.map((each, i) => {
    const path = `jwt[${i}]`;
    const issuer = each.issuer ?? { url: '', audiences: [] };
    const compiled = compileOne({ ...each, issuer }, path, ownIssuers, errors);
    for (const field of ['url', 'discoveryURL'] as const) {
      const value = issuer[field] ?? '';
      if (value !== '' && seen[field].has(value)) errors.push(fieldError.duplicate(`${path}.issuer.${field}`, value));
      seen[field].add(value);
    }
    return compiled;
  });
  return { authenticators, errors: errors.map(lineOf) };
}

function compileOne(
  configuration: JwtAuthenticatorConfiguration,
  path: string,
  ownIssuers: readonly string[],
  errors: FieldError[],
): CompiledAuthenticator {
  const draft: Draft = { configuration, extra: [], claimRules: [], userRules: [] };
  errors.push(...issuerErrors(configuration.issuer, ownIssuers, `${path}.issuer`));
  compileClaimRules(configuration.claimValidationRules ?? [], `${path}.claimValidationRules`, draft, errors);
  compileMappings(configuration.claimMappings ?? {}, `${path}.claimMappings`, draft, errors);
  compileUserRules(configuration.userValidationRules ?? [], `${path}.userValidationRules`, draft, errors);
  return draft;
}

function urlErrors(text: string, ownIssuers: readonly string[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (why: string) => errors.push(fieldError.invalid(field, text, why));
  if (ownIssuers.includes(text)) refuse(`URL must not overlap with disallowed issuers: [${[...ownIssuers].sort().join(' ')}]`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // Go reads a word as a path without a scheme.
    refuse('URL scheme must be https');
    return errors;
  }
  if (url.protocol !== 'https:') refuse('URL scheme must be https');
  if (url.username || url.password) refuse('URL must not contain a username or password');
  if (url.search) refuse('URL must not contain a query');
  if (url.hash) refuse('URL must not contain a fragment');
  return errors;
}

const withoutSlashes = (url: string) => url.replace(/\/+$/, '');

function issuerErrors(issuer: Issuer, ownIssuers: readonly string[], path: string): FieldError[] {
  const { url = '', discoveryURL = '', certificateAuthority = '', egressSelectorType = '' } = issuer;
  const errors = url === '' ? [fieldError.required(`${path}.url`)] : urlErrors(url, ownIssuers, `${path}.url`);
  if (discoveryURL !== '') {
    const field = `${path}.discoveryURL`;
    if (url !== '' && withoutSlashes(url) === withoutSlashes(discoveryURL)) {
      errors.push(fieldError.invalid(field, discoveryURL, 'discoveryURL must be different from URL'));
    }
    errors.push(...urlErrors(discoveryURL, [], field));
  }
  errors.push(...audienceErrors(issuer, path));
  if (certificateAuthority !== '') {
    const why = authorityProblem(certificateAuthority);
    if (why) errors.push(fieldError.invalid(`${path}.certificateAuthority`, '<omitted>', why));
  }
  if (egressSelectorType !== '') {
    const field = `${path}.egressSelectorType`;
    errors.push(
      egressSelectorType === 'controlplane' || egressSelectorType === 'cluster'
        ? fieldError.invalid(field, egressSelectorType, `egress lookup for ${JSON.stringify(egressSelectorType)} is not configured`)
        : fieldError.invalid(field, egressSelectorType, 'egress selector must be either controlplane or cluster'),
    );
  }
  return errors;
}

function authorityProblem(pem: string): string | undefined {
  try {
    const certificates = pemCertificates(pem);
    return certificates.every((each) => each instanceof X509Certificate) && certificates.length > 0
      ? undefined
      : 'data does not contain any valid RSA or ECDSA certificates';
  } catch {
    return 'data does not contain any valid RSA or ECDSA certificates';
  }
}

function audienceErrors({ audiences = [], audienceMatchPolicy = '' }: Issuer, path: string): FieldError[] {
  const field = `${path}.audiences`;
  if (audiences.length === 0) return [fieldError.required(field, `at least one ${field} is required`)];
  const errors: FieldError[] = [];
  audiences.forEach((audience, i) => {
    if (audience === '') errors.push(fieldError.required(`${field}[${i}]`));
    if (audiences.indexOf(audience) < i) errors.push(fieldError.duplicate(`${field}[${i}]`, audience));
  });
  const policyField = `${path}.audienceMatchPolicy`;
  if (audiences.length > 1 && audienceMatchPolicy !== MATCH_ANY) {
    errors.push(fieldError.invalid(policyField, audienceMatchPolicy, 'audienceMatchPolicy must be MatchAny for multiple audiences'));
  }
  if (audiences.length === 1 && audienceMatchPolicy !== '' && audienceMatchPolicy !== MATCH_ANY) {
    errors.push(fieldError.invalid(policyField, audienceMatchPolicy, 'audienceMatchPolicy must be empty or MatchAny for single audience'));
  }
  return errors;
}

/** undefined when the expression is wrong, which is then among the errors. */
function compiled(
  text: string,
  over: 'claims' | 'user',
  boolean: boolean,
  field: string,
  errors: FieldError[],
): CompiledExpression | undefined {
  const result = compileExpression(text, over, boolean);
  if (typeof result !== 'string') return result;
  errors.push(fieldError.invalid(field, text, result));
  return undefined;
}

function compileClaimRules(rules: readonly ClaimValidationRule[], path: string, draft: Draft, errors: FieldError[]): void {
  const claims = new Set<string>();
  const expressions = new Set<string>();
  rules.forEach(({ claim = '', requiredValue = '', expression = '', message = '' }, i) => {
    const field = `${path}[${i}]`;
    if (claim !== '' && expression !== '') errors.push(fieldError.invalid(field, claim, "claim and expression can't both be set"));
    else if (claim !== '') {
      if (message !== '') errors.push(fieldError.invalid(`${field}.message`, message, 'may not be specified when claim is set'));
      if (claims.has(claim)) errors.push(fieldError.duplicate(`${field}.claim`, claim));
      claims.add(claim);
    } else if (expression === '') errors.push(fieldError.required(field, 'claim or expression is required'));
    else {
      if (requiredValue !== '') {
        errors.push(fieldError.invalid(`${field}.requiredValue`, requiredValue, 'may not be specified when expression is set'));
      }
      if (expressions.has(expression)) errors.push(fieldError.duplicate(`${field}.expression`, expression));
      else {
        expressions.add(expression);
        const rule = compiled(expression, 'claims', true, `${field}.expression`, errors);
        if (rule) draft.claimRules.push({ ...rule, message });
      }
    }
  });
}

function prefixedClaim(
  mapping: PrefixedClaimOrExpression,
  field: string,
  isRequired: boolean,
  errors: FieldError[],
): CompiledExpression | undefined {
  const { claim = '', prefix, expression = '' } = mapping;
  if (expression !== '' && claim !== '') errors.push(fieldError.invalid(field, '', "claim and expression can't both be set"));
  else if (expression !== '') {
    if (prefix !== undefined) errors.push(fieldError.invalid(`${field}.prefix`, prefix, 'may not be specified when expression is set'));
    return compiled(expression, 'claims', false, `${field}.expression`, errors);
  } else if (claim !== '') {
    const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
    if (prefix === undefined || prefix === null) errors.push(fieldError.required(`${field}.prefix`, why));
  } else if (isRequired) errors.push(fieldError.required(field, 'claim or expression is required'));
  return undefined;
}

function compileMappings(
  { username = {}, groups = {}, uid = {}, extra = [] }: ClaimMappings,
  path: string,
  draft: Draft,
  errors: FieldError[],
): void {
  const name = prefixedClaim(username, `${path}.username`, true, errors);
  if (name) draft.username = name;
  const group = prefixedClaim(groups, `${path}.groups`, false, errors);
  if (group) draft.groups = group;
  if (uid.claim && uid.expression) errors.push(fieldError.invalid(`${path}.uid`, '', "claim and expression can't both be set"));
  else if (uid.expression) {
    const id = compiled(uid.expression, 'claims', false, `${path}.uid.expression`, errors);
    if (id) draft.uid = id;
  }
  compileExtra(extra, `${path}.extra`, draft, errors);
  const verified = [...(name ? [name] : []), ...draft.extra, ...draft.claimRules];
  if (name?.program.selects('claims', 'email') && !verified.some(({ program }) => program.selects('claims', 'email_verified'))) {
    errors.push(
      fieldError.invalid(
        `${path}.username.expression`,
        username.expression,
        'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
      ),
    );
  }
}

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const URL_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const RESERVED_DOMAIN = /(^|\.)(kubernetes|k8s)\.io$/;

/** What is wrong with a name of the form domain/path; shared with impersonation, which takes the same names. */
export function domainPathErrors(field: string, key: string): FieldError[] {
  if (key === '') return [fieldError.required(field)];
  const at = key.indexOf('/');
  if (at <= 0 || at === key.length - 1) {
    return [fieldError.invalid(field, key, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const [host, path] = [key.slice(0, at), key.slice(at + 1)];
  const errors: FieldError[] = [];
  if (!SUBDOMAIN.test(host) || host.length > 253) {
    errors.push(
      fieldError.invalid(
        field,
        host,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ),
    );
  }
  if (!URL_PATH.test(path)) {
    errors.push(fieldError.invalid(field, path, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"));
  }
  return errors;
}

function compileExtra(extra: NonNullable<ClaimMappings['extra']>, path: string, draft: Draft, errors: FieldError[]): void {
  const keys = new Set<string>();
  extra.forEach(({ key = '', valueExpression = '' }, i) => {
    const field = `${path}[${i}]`;
    errors.push(...domainPathErrors(`${field}.key`, key));
    if (key !== key.toLowerCase()) errors.push(fieldError.invalid(`${field}.key`, key, 'must be lowercase'));
    if (key.includes('/') && RESERVED_DOMAIN.test(key.slice(0, key.indexOf('/')))) {
      const why = 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use';
      errors.push(fieldError.invalid(`${field}.key`, key, why));
    }
    if (keys.has(key)) errors.push(fieldError.duplicate(`${field}.key`, key));
    else {
      keys.add(key);
      if (valueExpression === '') errors.push(fieldError.required(`${field}.valueExpression`));
      else {
        const value = compiled(valueExpression, 'claims', false, `${field}.valueExpression`, errors);
        if (value) draft.extra.push({ ...value, key });
      }
    }
  });
}

function compileUserRules(
  rules: NonNullable<JwtAuthenticatorConfiguration['userValidationRules']>,
  path: string,
  draft: Draft,
  errors: FieldError[],
): void {
  const expressions = new Set<string>();
  rules.forEach(({ expression = '', message = '' }, i) => {
    const field = `${path}[${i}].expression`;
    if (expression === '') errors.push(fieldError.required(field));
    else if (expressions.has(expression)) errors.push(fieldError.duplicate(field, expression));
    else {
      expressions.add(expression);
      const rule = compiled(expression, 'user', true, field, errors);
      if (rule) draft.userRules.push({ ...rule, message });
    }
  });
}
