// Policies with their bindings, compiled once per version of either (apiserver admission/plugin/policy/generic/policy_source.go).
import type { admissionregistrationv1, KubeObject, ResourceType } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';

export type Binding = admissionregistrationv1.ValidatingAdmissionPolicyBinding & admissionregistrationv1.MutatingAdmissionPolicyBinding;

export interface BoundPolicy<P, C> {
  policy: P;
  compiled: C;
  bindings: readonly Binding[];
}

const byName = (a: KubeObject, b: KubeObject) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1);

/** Policies that have bindings, in the order of their names; made anew only when a policy or a binding changes. */
export function policySource<P extends KubeObject, C>(
  policies: ResourceType<P>,
  bindings: ResourceType<any>,
  compile: (policy: P) => C,
): (reader: ResourceReader) => readonly BoundPolicy<P, C>[] {
  const compiled = new WeakMap<P, C>();
  let seen = { policies: -1, bindings: -1 };
  let bound: BoundPolicy<P, C>[] = [];
  const compiledOf = (policy: P): C => {
    const known = compiled.get(policy);
    if (known) return known;
    const made = compile(policy);
    compiled.set(policy, made);
    return made;
  };
  return (reader) => {
    const now = { policies: reader.revisionOf(policies), bindings: reader.revisionOf(bindings) };
    if (now.policies !== seen.policies || now.bindings !== seen.bindings) {
      const all = [...(reader.list(bindings) as readonly Binding[])].sort(byName);
      bound = [...reader.list(policies)].sort(byName).flatMap((policy) => {
        const own = all.filter((binding) => binding.spec?.policyName === policy.metadata!.name);
        return own.length === 0 ? [] : [{ policy, compiled: compiledOf(policy), bindings: own }];
      });
      seen = now;
    }
    return bound;
  };
}
