// POST serviceaccounts/NAME/token: a token bound to a time, an audience and, if asked, a pod, node or secret
// (pkg/registry/core/serviceaccount/storage/token.go).
import { type authenticationv1, corev1, type KubeObject, type ObjectMeta, type ResourceType, timeText } from '@tiphys/api';
import { type FieldError, fieldError, statusError } from '@tiphys/machinery';
import { checkKeyName, type RuleContext } from '@tiphys/registry';
import { claimsFor } from './service-account-claims.ts';
import type { TokenSigner } from './token-signer.ts';

const GROUP = 'authentication.k8s.io';
const KIND = 'TokenRequest';
const EXPIRATION_SECONDS_DEFAULT = 3600;
const EXPIRATION_SECONDS_MIN = 600;
const EXPIRATION_SECONDS_MAX = 2 ** 32;
/** What projected volumes ask for; such tokens live longer, for clients that don't reread the file. */
const EXPIRATION_SECONDS_EXTENDED = 3607;
const EXTENSION_SECONDS = 365 * 24 * 3600;

export interface TokenRequestOptions {
  signer: TokenSigner;
  apiAudiences: readonly string[];
  /** Upstream's --service-account-extend-token-expiration. Default true. */
  extendExpiration?: boolean;
}

interface TokenRequest extends KubeObject {
  spec?: Partial<authenticationv1.TokenRequestSpec>;
  status?: authenticationv1.TokenRequestStatus;
}

export type TokenRequestHandler = (
  body: KubeObject,
  target: { name: string; namespace?: string },
  context: RuleContext,
) => Promise<KubeObject>;

const invalid = (name: string, errors: FieldError[]) => statusError.invalid({ group: GROUP, kind: KIND }, name, errors);

export function tokenRequestHandler(options: TokenRequestOptions): TokenRequestHandler {
  return async (body, { name, namespace = '' }, context) => {
    const request = body as TokenRequest;
    const account = accountFor(request.metadata ?? {}, name, namespace, context);
    const spec: authenticationv1.TokenRequestSpec = {
      ...request.spec,
      audiences: request.spec?.audiences?.length ? request.spec.audiences : [...options.apiAudiences],
      expirationSeconds: request.spec?.expirationSeconds ?? EXPIRATION_SECONDS_DEFAULT,
    };
    validate(spec);
    const audiences = spec.audiences!;
    const bound = boundObjects(spec.boundObjectRef, name, namespace, context);
    const nowMs = context.runtime.clock.now();
    const wanted = spec.expirationSeconds!;
    const extend =
      options.extendExpiration !== false &&
      bound.pod !== undefined &&
      wanted === EXPIRATION_SECONDS_EXTENDED &&
      audiences.every((audience) => options.apiAudiences.includes(audience));
    const claims = claimsFor({
      serviceAccount: account,
      ...bound,
      audiences,
      expirationSeconds: extend ? EXTENSION_SECONDS : wanted,
      ...(extend ? { warnAfterSeconds: wanted } : {}),
      nowMs,
      id: context.runtime.random.uuid(),
    });
    const { labels: _labels, annotations: _annotations, ...metadata } = request.metadata ?? {};
    return {
      kind: KIND,
      apiVersion: `${GROUP}/v1`,
      metadata: { ...metadata, name: account.metadata!.name!, namespace, uid: account.metadata!.uid!, creationTimestamp: timeText(nowMs) },
      spec: { ...spec, boundObjectRef: spec.boundObjectRef },
      status: { token: options.signer.sign(claims), expirationTimestamp: timeText(nowMs + wanted * 1000) },
    } as KubeObject;
  };
}

function accountFor(metadata: ObjectMeta, name: string, namespace: string, context: RuleContext): corev1.ServiceAccount {
  if (metadata.name && metadata.name !== name) {
    throw invalid(name, [fieldError.invalid('metadata.name', metadata.name, 'must match the service account name if specified')]);
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw invalid(name, [
      fieldError.invalid('metadata.namespace', metadata.namespace, 'must match the service account namespace if specified'),
    ]);
  }
  const account = found(corev1.serviceaccounts, name, namespace, context);
  const uid = account.metadata!.uid!;
  if (metadata.uid && metadata.uid !== uid) {
    const why = `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`;
    throw statusError.conflict({ group: GROUP, resource: KIND }, name, why);
  }
  return account;
}

function found<T extends KubeObject>(type: ResourceType<T>, name: string, namespace: string | undefined, context: RuleContext): T {
  const object = context.reader.get(type, name, namespace);
  if (!object) throw statusError.notFound(type, name);
  return object;
}

function validate(spec: authenticationv1.TokenRequestSpec): void {
  const seconds = spec.expirationSeconds!;
  const field = 'spec.expirationSeconds';
  const errors: FieldError[] = [];
  if (seconds < EXPIRATION_SECONDS_MIN) errors.push(fieldError.invalid(field, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > EXPIRATION_SECONDS_MAX)
    errors.push(fieldError.invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (errors.length > 0) throw invalid('', errors);
}

const BOUND_KINDS = ['Pod', 'Node', 'Secret'];

interface Bound {
  pod?: KubeObject;
  node?: KubeObject;
  secret?: KubeObject;
}

function boundObjects(
  reference: authenticationv1.BoundObjectReference | undefined,
  accountName: string,
  namespace: string,
  context: RuleContext,
): Bound {
  if (!reference) return {};
  const { kind = '', apiVersion = '', name = '', uid } = reference;
  const core = !apiVersion.includes('/');
  if (core && BOUND_KINDS.includes(kind)) checkKeyName(name);
  const bound: Bound = {};
  let object: KubeObject;
  if (core && kind === 'Pod') {
    const pod = found(corev1.pods, name, namespace, context);
    if (pod.spec?.serviceAccountName !== accountName) {
      const why = `cannot bind token for serviceaccount ${JSON.stringify(accountName)} to pod running with different serviceaccount name.`;
      throw statusError.badRequest(why);
    }
    const nodeName = pod.spec.nodeName;
    // A node that is gone is still named, so that whoever inspects the token learns where the pod was.
    if (nodeName) bound.node = context.reader.get(corev1.nodes, nodeName) ?? { metadata: { name: nodeName } };
    object = bound.pod = pod;
  } else if (core && kind === 'Node') object = bound.node = found(corev1.nodes, name, undefined, context);
  else if (core && kind === 'Secret') object = bound.secret = found(corev1.secrets, name, namespace, context);
  else {
    const [group, version] = core ? ['', apiVersion] : apiVersion.split('/');
    throw statusError.badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  if (uid && object.metadata?.uid !== uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw statusError.conflict({ group: '', resource: kind }, name, why);
  }
  return bound;
}
