// What a service account token says, and what must still hold for it to pass (pkg/serviceaccount/{claims,legacy}.go).
import { timingSafeEqual } from 'node:crypto';
import { corev1, type KubeObject, type ObjectMeta, type ResourceType } from '@tiphys/api';
import type { UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import * as names from './names.ts';

export interface ObjectReference {
  name: string;
  uid: string;
}

export interface ServiceAccountClaims {
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  sub: string;
  'kubernetes.io': {
    namespace: string;
    node?: ObjectReference;
    pod?: ObjectReference;
    secret?: ObjectReference;
    serviceaccount: ObjectReference;
    warnafter?: number;
  };
}

/** Objects deleted within this time still pass, as clocks differ. */
const LEEWAY_MS = 60_000;

interface Bound {
  metadata?: ObjectMeta;
}

const reference = (object: Bound): ObjectReference => ({ name: object.metadata?.name ?? '', uid: object.metadata?.uid ?? '' });

export interface ClaimsInput {
  serviceAccount: Bound;
  pod?: Bound;
  secret?: Bound;
  node?: Bound;
  audiences: readonly string[];
  expirationSeconds: number;
  warnAfterSeconds?: number;
  nowMs: number;
  id: string;
}

export function claimsFor(input: ClaimsInput): ServiceAccountClaims {
  const nowSeconds = Math.floor(input.nowMs / 1000);
  const namespace = input.serviceAccount.metadata?.namespace ?? '';
  return {
    aud: [...input.audiences],
    exp: nowSeconds + input.expirationSeconds,
    iat: nowSeconds,
    jti: input.id,
    'kubernetes.io': {
      namespace,
      ...(input.node ? { node: reference(input.node) } : {}),
      ...(input.pod ? { pod: reference(input.pod) } : {}),
      ...(input.secret ? { secret: reference(input.secret) } : {}),
      serviceaccount: reference(input.serviceAccount),
      ...(input.warnAfterSeconds ? { warnafter: nowSeconds + input.warnAfterSeconds } : {}),
    },
    nbf: nowSeconds,
    sub: names.serviceAccountUserName(namespace, input.serviceAccount.metadata?.name ?? ''),
  };
}

/** Throws with upstream's reason when the token's time is wrong or what it is bound to has gone. */
export function checkClaims(claims: Record<string, unknown>, reader: ResourceReader, nowMs: number): UserInfo {
  const { exp, nbf, iat, jti } = claims as Partial<ServiceAccountClaims>;
  if (typeof nbf === 'number' && nowMs + LEEWAY_MS < nbf * 1000) throw new Error('service account token is not valid yet');
  if (typeof exp === 'number' && nowMs - LEEWAY_MS > exp * 1000) throw new Error('service account token has expired');
  if (typeof iat === 'number' && nowMs + LEEWAY_MS < iat * 1000) throw new Error('service account token is issued in the future');
  const private_ = claims['kubernetes.io'] as ServiceAccountClaims['kubernetes.io'];
  const { namespace, pod, node, secret, serviceaccount } = private_;
  const lookup = (type: ResourceType, what: string, wanted: ObjectReference, within: string | undefined) =>
    checkReference(reader, type, what, wanted, within, nowMs);
  const account = reader.get(corev1.serviceaccounts, serviceaccount.name, namespace);
  if (!account) throw new Error(`serviceaccounts ${JSON.stringify(serviceaccount.name)} not found`);
  if (account.metadata?.uid !== serviceaccount.uid) {
    throw new Error(`service account UID (${account.metadata?.uid}) does not match claim (${serviceaccount.uid})`);
  }
  if (isGone(account, nowMs)) throw new Error(`service account ${namespace}/${serviceaccount.name} has been deleted`);
  if (secret) lookup(corev1.secrets, 'secret', secret, namespace);
  if (pod) lookup(corev1.pods, 'pod', pod, namespace);
  if (node && !pod) lookup(corev1.nodes, 'node', node, undefined);
  return userOf(namespace, serviceaccount, pod, node, jti);
}

function isGone(object: KubeObject, nowMs: number): boolean {
  const deleted = object.metadata?.deletionTimestamp;
  return deleted !== undefined && Date.parse(deleted) < nowMs - LEEWAY_MS;
}

function checkReference(
  reader: ResourceReader,
  type: ResourceType,
  what: string,
  wanted: ObjectReference,
  namespace: string | undefined,
  nowMs: number,
): void {
  const object = reader.get(type, wanted.name, namespace);
  if (!object || isGone(object, nowMs)) throw new Error('service account token has been invalidated');
  if (object.metadata?.uid !== wanted.uid) {
    const where = what === 'secret' ? 'service account secret ref claim' : `service account ${what} ref claim`;
    throw new Error(`${what} UID (${object.metadata?.uid}) does not match ${where} (${wanted.uid})`);
  }
}

function userOf(namespace: string, account: ObjectReference, pod?: ObjectReference, node?: ObjectReference, jti?: string): UserInfo {
  const extra: Record<string, string[]> = {};
  if (jti) extra[names.CREDENTIAL_ID] = [`JTI=${jti}`];
  if (node) {
    extra[names.NODE_NAME] = [node.name];
    if (node.uid) extra[names.NODE_UID] = [node.uid];
  }
  if (pod) {
    extra[names.POD_NAME] = [pod.name];
    extra[names.POD_UID] = [pod.uid];
  }
  return {
    name: names.serviceAccountUserName(namespace, account.name),
    uid: account.uid,
    groups: names.serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

const LEGACY = 'kubernetes.io/serviceaccount/';
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const INVALID_SINCE_LABEL = 'kubernetes.io/legacy-token-invalid-since';

/**
 * Tokens kept in secrets of type kubernetes.io/service-account-token: good while the secret holds them. `onUse` is told of the
 * secret also when the token is marked invalid: that somebody still tries it is worth knowing.
 */
export function checkLegacyClaims(
  token: string,
  claims: Record<string, unknown>,
  reader: ResourceReader,
  onUse: (secret: corev1.Secret) => void = () => {},
): UserInfo {
  const claim = (name: string, key: string): string => {
    const value = claims[key];
    if (typeof value !== 'string' || value === '') throw new Error(`${name} claim is missing`);
    return value;
  };
  const subject = claim('sub', 'sub');
  const namespace = claim('namespace', `${LEGACY}namespace`);
  const secretName = claim('secretName', `${LEGACY}secret.name`);
  const name = claim('serviceAccountName', `${LEGACY}service-account.name`);
  const uid = claim('serviceAccountUID', `${LEGACY}service-account.uid`);
  const split = names.splitServiceAccountName(subject);
  if (split?.namespace !== namespace || split.name !== name) throw new Error('sub claim is invalid');
  const secret = reader.get(corev1.secrets, secretName, namespace);
  if (!secret || secret.metadata?.deletionTimestamp) throw new Error('Token has been invalidated');
  const kept = Buffer.from(secret.data?.token ?? '', 'base64');
  const given = Buffer.from(token);
  if (kept.length !== given.length || !timingSafeEqual(kept, given)) throw new Error("Token does not match server's copy");
  const account = reader.get(corev1.serviceaccounts, name, namespace);
  if (!account) throw new Error(`serviceaccounts ${JSON.stringify(name)} not found`);
  if (account.metadata?.deletionTimestamp) throw new Error(`ServiceAccount ${namespace}/${name} has been deleted`);
  if (account.metadata?.uid !== uid) throw new Error(`ServiceAccount UID (${account.metadata?.uid}) does not match claim (${uid})`);
  onUse(secret);
  if (secret.metadata?.labels?.[INVALID_SINCE_LABEL]) {
    throw new Error(
      `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE_LABEL}' label from the secret to temporarily allow use of this token`,
    );
  }
  return userOf(namespace, { name, uid });
}

/** The claims of a legacy token, for the controller that fills token secrets. */
export function legacyClaims(account: Bound, secretName: string): Record<string, string> {
  const { namespace = '', name = '', uid = '' } = account.metadata ?? {};
  return {
    [`${LEGACY}namespace`]: namespace,
    [`${LEGACY}secret.name`]: secretName,
    [`${LEGACY}service-account.name`]: name,
    [`${LEGACY}service-account.uid`]: uid,
    sub: names.serviceAccountUserName(namespace, name),
  };
}
