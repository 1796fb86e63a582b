// Which requests a policy or a binding is about (apiserver admission/plugin/policy/matching/matching.go).
import type { admissionregistrationv1 } from '@tiphys/api';
import type { AdmissionAttributes, EquivalentResource } from '../../interfaces.ts';
import { passesNamespaceSelector, passesObjectSelector, type Rule, ruleMatches } from '../webhook/hooks.ts';

type Resources = admissionregistrationv1.MatchResources;
type NamedRule = admissionregistrationv1.NamedRuleWithOperations;

/** The request is matched, as it is or in an equivalent form of its resource. */
export interface Match {
  equivalent?: EquivalentResource;
}

const namesMatch = ({ resourceNames }: NamedRule, name: string) => !resourceNames?.length || resourceNames.includes(name);

function matchingRule(rules: readonly NamedRule[], policy: string | undefined, attributes: AdmissionAttributes): Match | undefined {
  for (const rule of rules) if (ruleMatches(rule as Rule, attributes.type, attributes) && namesMatch(rule, attributes.name)) return {};
  if (policy === undefined || policy === 'Exact') return undefined;
  const equivalents = attributes.equivalents?.() ?? [];
  for (const rule of rules) {
    const equivalent = equivalents.find(({ type }) => ruleMatches(rule as Rule, type, attributes) && namesMatch(rule, attributes.name));
    if (equivalent) return { equivalent };
  }
  return undefined;
}

/** undefined: the request is nothing to it. Throws StatusError when the request's namespace decides and is not there. */
export function matchResources(resources: Resources, attributes: AdmissionAttributes): Match | undefined {
  const { excludeResourceRules = [], resourceRules = [], matchPolicy } = resources;
  const selecting = { hook: resources };
  if (!passesObjectSelector(selecting, attributes)) return undefined;
  if (matchingRule(excludeResourceRules ?? [], matchPolicy, attributes)) return undefined;
  const match = resourceRules?.length ? matchingRule(resourceRules, matchPolicy, attributes) : {};
  return match && passesNamespaceSelector(selecting, attributes) ? match : undefined;
}

const GROUP = 'admissionregistration.k8s.io';
const POLICY_RESOURCES = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);
/** Reviews and the policies themselves are not subject to policies (pkg/kubeapiserver/admission/exclusion/resources.go). */
const REVIEWS = new Set([
  'authentication.k8s.io/selfsubjectreviews',
  'authentication.k8s.io/tokenreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  'authorization.k8s.io/subjectaccessreviews',
]);

export function isOutsidePolicies({ type: { group, resource } }: AdmissionAttributes): boolean {
  return (group === GROUP && POLICY_RESOURCES.has(resource)) || REVIEWS.has(`${group}/${resource}`);
}
