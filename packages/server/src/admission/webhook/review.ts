// What a webhook is asked and what its answer means (admission.k8s.io/v1 and v1beta1; apiserver admission/plugin/webhook/request).
import { apiVersionOf, type KubeObject, type ResourceType } from '@tiphys/api';
import { type Status, StatusError } from '@tiphys/machinery';
import type { AdmissionAttributes } from '../../interfaces.ts';

export interface ReviewResponse {
  allowed: boolean;
  status?: Partial<Status>;
  /** A JSON patch in base64. */
  patch?: string;
  patchType?: string;
  warnings: string[];
  auditAnnotations: Record<string, string>;
}

export type ReviewVersion = 'v1' | 'v1beta1';

const GROUP = 'admission.k8s.io';
export const JSON_PATCH = 'JSONPatch';
const VERSIONS: readonly string[] = ['v1', 'v1beta1'];
const OPTIONS_KIND = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: '' };

/** The first of the webhook's versions that this server speaks. */
export function reviewVersion(versions: readonly string[] | undefined): ReviewVersion {
  const version = (versions ?? []).find((each) => VERSIONS.includes(each));
  if (!version) throw new Error('webhook does not accept known AdmissionReview versions (v1, v1beta1)');
  return version as ReviewVersion;
}

/** `shown`: the form of the resource that the webhook wants to see; `attributes` is the request's own. */
export function reviewRequest(
  attributes: AdmissionAttributes,
  uid: string,
  version: ReviewVersion = 'v1',
  shown: Pick<AdmissionAttributes, 'type' | 'object' | 'oldObject'> = attributes,
): object {
  const { user, operation, subresource } = attributes;
  const resourceOf = ({ group, version: of, resource }: ResourceType) => ({ group, version: of, resource });
  const optionsKind = OPTIONS_KIND[operation];
  return {
    kind: 'AdmissionReview',
    apiVersion: `${GROUP}/${version}`,
    request: {
      uid,
      kind: kindOf(shown),
      resource: resourceOf(shown.type),
      ...(subresource ? { subResource: subresource } : {}),
      requestKind: kindOf(attributes),
      requestResource: resourceOf(attributes.type),
      ...(subresource ? { requestSubResource: subresource } : {}),
      name: attributes.name || attributes.object?.metadata?.name || '',
      ...(attributes.namespace ? { namespace: attributes.namespace } : {}),
      operation,
      userInfo: {
        username: user.name,
        ...(user.uid ? { uid: user.uid } : {}),
        groups: user.groups,
        ...(user.extra ? { extra: user.extra } : {}),
      },
      object: withType(shown.object, shown.type),
      oldObject: withType(shown.oldObject, shown.type),
      dryRun: attributes.dryRun,
      options: optionsKind ? { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', ...attributes.options } : (attributes.options ?? null),
    },
  };
}

/** Subresources may carry another kind than their resource. */
function kindOf({ object, oldObject, type }: Pick<AdmissionAttributes, 'type' | 'object' | 'oldObject'>) {
  const { apiVersion, kind } = object ?? oldObject ?? {};
  if (!apiVersion || !kind) return { group: type.group, version: type.version, kind: type.kind };
  const [version, group = ''] = apiVersion.split('/').reverse();
  return { group, version, kind };
}

function withType(object: KubeObject | undefined, type: ResourceType): KubeObject | null {
  if (!object) return null;
  return { kind: object.kind ?? type.kind, apiVersion: object.apiVersion ?? apiVersionOf(type), ...object };
}

/** How Go prints a group, version and kind. */
function kindText(answer: any): string {
  const [version, group = ''] = String(answer?.apiVersion ?? '')
    .split('/')
    .reverse();
  return `${group}/${version}, Kind=${answer?.kind ?? ''}`;
}

/** Throws Error when the answer is none. */
export function reviewResponse(answer: any, uid: string, mutating: boolean, version: ReviewVersion = 'v1'): ReviewResponse {
  const { response } = answer ?? {};
  const warnings = Array.isArray(response?.warnings) ? response.warnings.map(String) : [];
  const base = {
    allowed: response?.allowed === true,
    ...(response?.status ? { status: response.status } : {}),
    warnings,
    auditAnnotations: response?.auditAnnotations ?? {},
  };
  // The old version was never checked so closely.
  if (version === 'v1beta1') {
    if (!response) throw new Error('webhook response was absent');
    return mutating && response.patch ? { ...base, patch: String(response.patch), patchType: JSON_PATCH } : base;
  }
  if (!response) throw new Error('webhook response was absent');
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const wanted = { kind: 'AdmissionReview', apiVersion: `${GROUP}/v1` };
  if (answer.kind !== wanted.kind || answer.apiVersion !== wanted.apiVersion) {
    throw new Error(`expected webhook response of ${kindText(wanted)}, got ${kindText(answer)}`);
  }
  if (!mutating) {
    if (response.patch) throw new Error('validating webhook may not return response.patch');
    if (response.patchType) throw new Error('validating webhook may not return response.patchType');
    return base;
  }
  const { patch, patchType } = response;
  if (patch && patchType === undefined) throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch && patchType !== undefined) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
  return patch ? { ...base, patch: String(patch), patchType: String(patchType) } : base;
}

const HTTP_BAD_REQUEST = 400;

export function denial(hookName: string, status: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(hookName)} denied the request`;
  const why = status?.message || status?.reason;
  const code = Math.max(status?.code ?? HTTP_BAD_REQUEST, HTTP_BAD_REQUEST);
  return new StatusError(code, status?.reason ?? '', why ? `${denied}: ${why}` : `${denied} without explanation`, status?.details);
}
