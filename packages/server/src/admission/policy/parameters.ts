// The objects that parametrize a binding (apiserver admission/plugin/policy/generic/policy_dispatcher.go CollectParams).
import type { admissionregistrationv1, KubeObject } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import type { AdmissionAttributes } from '../../interfaces.ts';

type Kind = admissionregistrationv1.ParamKind;
type Reference = admissionregistrationv1.ParamRef;

/** One entry per evaluation; undefined stands for an evaluation without parameters. Throws Error saying what is wrong. */
export function collectParameters(
  kind: Kind | undefined,
  reference: Reference | undefined,
  attributes: AdmissionAttributes,
): (KubeObject | undefined)[] {
  if (!kind || !reference) return [undefined];
  const type = attributes.resourceOfKind?.(kind.apiVersion ?? '', kind.kind ?? '');
  if (!type) throw new Error(`paramKind kind \`&ParamKind{APIVersion:${kind.apiVersion},Kind:${kind.kind},}\` not known`);
  let namespace: string | undefined;
  if (type.namespaced) {
    namespace = reference.namespace || attributes.namespace;
    if (!namespace) throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  } else if (reference.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const found = named(
    reference,
    () => attributes.reader.get(type, reference.name!, namespace),
    () => attributes.reader.list(type, namespace),
  );
  if (found.length === 0 && reference.parameterNotFoundAction === 'Deny') {
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found.map((object) => ({ ...object, apiVersion: kind.apiVersion!, kind: kind.kind! }));
}

function named({ name, selector }: Reference, get: () => KubeObject | undefined, list: () => readonly KubeObject[]): KubeObject[] {
  if (name) {
    if (selector) throw new Error('paramRef.name and paramRef.selector are mutually exclusive');
    const object = get();
    return object ? [object] : [];
  }
  if (!selector) throw new Error('one of name or selector must be provided');
  const matcher = labelSelectorMatcher(selector);
  return list().filter((object) => matcher.matches(object.metadata?.labels ?? {}));
}
