// What a webhook is asked and what its answer means (admission.k8s.io/v1; apiserver admission/plugin/webhook/request).
import { apiVersionOf, type KubeObject } from '@tiphys/api';
import { type Status, StatusError } from '@tiphys/machinery';
import type { AdmissionAttributes } from '../../interfaces.ts';

export interface ReviewResponse {
  allowed: boolean;
  status?: Partial<Status>;
  /** A JSON patch, undecoded. */
  patch?: unknown;
  warnings: string[];
}

const OPTIONS_KIND = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: '' };

export function reviewRequest(attributes: AdmissionAttributes, uid: string): object {
  const { type, user, operation, subresource } = attributes;
  const resource = { group: type.group, version: type.version, resource: type.resource };
  const kind = kindOf(attributes);
  const optionsKind = OPTIONS_KIND[operation];
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind,
      resource,
      ...(subresource ? { subResource: subresource } : {}),
      requestKind: kind,
      requestResource: resource,
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
      object: withType(attributes.object, attributes),
      oldObject: withType(attributes.oldObject, attributes),
      dryRun: attributes.dryRun,
      options: optionsKind ? { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', ...attributes.options } : (attributes.options ?? null),
    },
  };
}

/** Subresources may carry another kind than their resource. */
function kindOf({ object, oldObject, type }: AdmissionAttributes): { group: string; version: string; kind: string } {
  const { apiVersion, kind } = object ?? oldObject ?? {};
  if (!apiVersion || !kind) return { group: type.group, version: type.version, kind: type.kind };
  const slash = apiVersion.indexOf('/');
  return { group: slash < 0 ? '' : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind };
}

function withType(object: KubeObject | undefined, { type }: AdmissionAttributes): KubeObject | null {
  if (!object) return null;
  return { kind: object.kind ?? type.kind, apiVersion: object.apiVersion ?? apiVersionOf(type), ...object };
}

/** Throws Error when the answer is none. */
export function reviewResponse(answer: any, uid: string, mutating: boolean): ReviewResponse {
  const gvk = `${answer?.apiVersion}, Kind=${answer?.kind}`;
  if (answer?.kind !== 'AdmissionReview' || answer.apiVersion !== 'admission.k8s.io/v1') {
    throw new Error(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${gvk}`);
  }
  const { response } = answer;
  if (!response) throw new Error('webhook response was absent');
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const warnings = Array.isArray(response.warnings) ? response.warnings.map(String) : [];
  const base = { allowed: response.allowed === true, ...(response.status ? { status: response.status } : {}), warnings };
  if (!mutating) {
    if (response.patch) throw new Error('validating webhook may not return response.patch');
    if (response.patchType) throw new Error('validating webhook may not return response.patchType');
    return base;
  }
  if (!response.patch) return base;
  if (!response.patchType) throw new Error('webhook returned response.patch but not response.patchType');
  if (response.patchType !== 'JSONPatch')
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(response.patchType)}`);
  return { ...base, patch: JSON.parse(Buffer.from(response.patch, 'base64').toString()) };
}

const HTTP_BAD_REQUEST = 400;

export function denial(hookName: string, status: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(hookName)} denied the request`;
  const why = status?.message || status?.reason;
  const code = Math.max(status?.code ?? HTTP_BAD_REQUEST, HTTP_BAD_REQUEST);
  return new StatusError(code, status?.reason ?? '', why ? `${denied}: ${why}` : `${denied} without explanation`, status?.details);
}
