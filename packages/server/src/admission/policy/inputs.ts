// What expressions of policies and match conditions see of a request (apiserver admission/plugin/cel/{activation,condition}.go).
import { corev1, type KubeObject } from '@tiphys/api';
import { cel } from '@tiphys/machinery';
import type { AdmissionAttributes } from '../../interfaces.ts';
import { reviewRequest } from '../webhook/review.ts';
import type { AccessAnswers } from './access.ts';
import type { Match } from './matching.ts';

/** The request's objects in the form that a policy's rules name. */
export type Shown = Pick<AdmissionAttributes, 'type' | 'object' | 'oldObject'>;

export async function shownTo({ equivalent }: Match, attributes: AdmissionAttributes): Promise<Shown> {
  if (!equivalent) return attributes;
  const { object, oldObject } = attributes;
  return {
    type: equivalent.type,
    ...(object ? { object: await equivalent.convert(object) } : {}),
    ...(oldObject ? { oldObject: await equivalent.convert(oldObject) } : {}),
  };
}

function requestValue(attributes: AdmissionAttributes, shown: Shown): cel.Value {
  const { request } = reviewRequest(attributes, '', 'v1', shown) as { request: Record<string, unknown> };
  const { uid: _, object: _object, oldObject: _old, ...rest } = request;
  return cel.fromJson(rest);
}

/** Metadata that expressions see of a namespace: all but who owns which fields. */
function namespaceValue({ reader, namespace, type }: AdmissionAttributes): cel.Value {
  const found = namespace === '' || type.resource === 'namespaces' ? undefined : reader.get(corev1.namespaces, namespace);
  if (!found) return null;
  const { managedFields: _, ownerReferences: _owners, ...metadata } = found.metadata ?? {};
  return cel.fromJson({ metadata, spec: found.spec ?? {}, status: found.status ?? {} });
}

const objectValue = (object: KubeObject | undefined): cel.Value => (object ? cel.fromJson(object) : null);

export interface InputOptions {
  attributes: AdmissionAttributes;
  shown: Shown;
  answers: AccessAnswers;
  /** undefined: the policy has no parameters. */
  parameter?: KubeObject | undefined;
  /** Match conditions do not see the namespace. */
  namespace: boolean;
}

export function inputsOf({ attributes, shown, answers, parameter, namespace }: InputOptions): Record<string, cel.Value> {
  const { type, subresource, user, name } = attributes;
  const authorizer = new cel.AuthorizerValue(user, answers.ask);
  const own = { group: type.group, resource: type.resource, subresource, namespace: attributes.namespace, name };
  return {
    object: objectValue(shown.object),
    oldObject: objectValue(shown.oldObject),
    request: requestValue(attributes, shown),
    namespaceObject: namespace ? namespaceValue(attributes) : null,
    params: objectValue(parameter),
    authorizer,
    'authorizer.requestResource': cel.resourceCheck(authorizer, own),
  };
}
