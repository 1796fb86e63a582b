// Makes a user of a token's claims and judges both by the configured rules (apiserver plugin/pkg/authenticator/token/oidc/oidc.go).
import type { cel, UserInfo } from '@tiphys/machinery';
import { CREDENTIAL_ID } from '../names.ts';
import { type Claims, type CompiledExpression, evaluateClaims, evaluateUser, stringsOf } from './expressions.ts';
import type { CompiledAuthenticator, Rule } from './validation.ts';

const has = (claims: Claims, name: string) => Object.hasOwn(claims, name);

/** Go's words for a claim that is not of the type wanted. */
function textClaim(claims: Claims, name: string): string {
  if (!has(claims, name)) throw new Error('claim not present');
  const value = claims[name];
  if (value === null) return '';
  if (typeof value === 'string') return value;
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw new Error(`json: cannot unmarshal ${type} into Go value of type string`);
}

/** Runs the work; what goes wrong is told with the words before it. */
function told<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`oidc: ${what}: ${(error as Error).message}`, { cause: error });
  }
}

function textValue(expression: CompiledExpression, claims: Claims, what: string): string {
  return told(`error evaluating ${what} claim expression`, () => {
    const value = evaluateClaims(expression, claims);
    if (typeof value !== 'string') throw new Error(`${what} claim expression must return a string`);
    return value;
  });
}

function userName({ username: expression, configuration }: CompiledAuthenticator, claims: Claims): string {
  if (expression) {
    const name = textValue(expression, claims, 'username');
    if (name === '') throw new Error('oidc: empty username via CEL expression is not allowed');
    return name;
  }
  const { claim = '', prefix } = configuration.claimMappings?.username ?? {};
  const name = told(`parse username claims ${JSON.stringify(claim)}`, () => textClaim(claims, claim));
  if (claim === 'email' && has(claims, 'email_verified')) {
    const verified = claims.email_verified;
    if (typeof verified !== 'boolean') throw new Error("oidc: parse 'email_verified' claim: must be a boolean");
    if (!verified) throw new Error('oidc: email not verified');
  }
  return `${prefix ?? ''}${name}`;
}

function groupsOf({ groups: expression, configuration }: CompiledAuthenticator, claims: Claims): string[] {
  const { claim = '', prefix } = configuration.claimMappings?.groups ?? {};
  if (claim !== '' && has(claims, claim)) {
    const value = claims[claim];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string');
    const groups = isList ? value : told(`parse groups claim ${JSON.stringify(claim)}`, () => [textClaim(claims, claim)]);
    return groups.map((group) => `${prefix ?? ''}${group}`);
  }
  return expression ? told('error evaluating group claim expression', () => stringsOf(evaluateClaims(expression, claims))) : [];
}

function uidOf({ uid: expression, configuration }: CompiledAuthenticator, claims: Claims): string {
  const { claim = '' } = configuration.claimMappings?.uid ?? {};
  if (claim !== '') return told(`parse uid claim ${JSON.stringify(claim)}`, () => textClaim(claims, claim));
  return expression ? textValue(expression, claims, 'uid') : '';
}

function extraOf({ extra }: CompiledAuthenticator, claims: Claims): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  if (typeof claims.jti === 'string' && claims.jti !== '') result[CREDENTIAL_ID] = [`JTI=${claims.jti}`];
  for (const mapping of extra) {
    const value = evaluateClaims(mapping, claims);
    const values = told(`error evaluating extra claim expression: ${mapping.text}`, () => stringsOf(value));
    if (values.length > 0) result[mapping.key] = values;
  }
  return result;
}

function checkRequired({ configuration }: CompiledAuthenticator, claims: Claims): void {
  for (const { claim = '', requiredValue = '' } of configuration.claimValidationRules ?? []) {
    if (claim === '') continue;
    if (!has(claims, claim)) throw new Error(`oidc: required claim ${claim} not present in ID token`);
    const value = told(`parse claim ${claim}`, () => textClaim(claims, claim));
    // The values are others' data: the log needn't have them.
    if (value !== requiredValue)
      throw new Error(`oidc: required claim ${claim} value does not match. Got = ${value}, want = ${requiredValue}`);
  }
}

function checkRules(rules: readonly Rule[], what: string, evaluate: (rule: Rule) => cel.Value): void {
  told(`error evaluating ${what}`, () => {
    for (const { rule, value } of rules.map((each) => ({ rule: each, value: evaluate(each) }))) {
      if (value !== true) throw new Error(`validation expression '${rule.text}' failed: ${rule.message}`);
    }
  });
}

/** Throws Error in upstream's words when a claim is missing or a rule doesn't hold. */
export function userOfClaims(authenticator: CompiledAuthenticator, claims: Claims): UserInfo {
  const name = userName(authenticator, claims);
  const groups = groupsOf(authenticator, claims);
  const uid = uidOf(authenticator, claims);
  const extra = extraOf(authenticator, claims);
  const user: UserInfo = { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
  checkRequired(authenticator, claims);
  checkRules(authenticator.claimRules, 'claim validation expression', (rule) => evaluateClaims(rule, claims));
  checkRules(authenticator.userRules, 'user info validation rule', (rule) => evaluateUser(rule, user));
  return user;
}
