// Which webhooks a request goes to (apiserver admission/plugin/webhook/{predicates,generic}).
import { admissionregistrationv1, corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import { labelSelectorMatcher, statusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { AdmissionAttributes, EquivalentResource } from '../../interfaces.ts';
import { isResource } from '../attributes.ts';

export type Hook = admissionregistrationv1.MutatingWebhook;
export type Rule = admissionregistrationv1.RuleWithOperations;
/** Whose objects a webhook or a policy wants to see. */
export interface Selecting {
  hook: Pick<Hook, 'namespaceSelector' | 'objectSelector'>;
}

const GROUP = 'admissionregistration.k8s.io';
/** Never sent to webhooks: a broken one could not be repaired any more. */
const EXEMPT = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

const TYPES = {
  mutating: admissionregistrationv1.mutatingwebhookconfigurations,
  validating: admissionregistrationv1.validatingwebhookconfigurations,
};

export type Phase = keyof typeof TYPES;

export interface NamedHook {
  /** Tells hooks of one name in two configurations apart. */
  key: string;
  configuration: string;
  hook: Hook;
}

/** All hooks in the order of their configurations' names; read anew only when a configuration changed. */
export function hooksOf(phase: Phase): (reader: ResourceReader) => readonly NamedHook[] {
  const type = TYPES[phase];
  let seen = -1;
  let hooks: NamedHook[] = [];
  return (reader) => {
    const revision = reader.revisionOf(type);
    if (revision !== seen) {
      const configurations = [...(reader.list<KubeObject & { webhooks?: Hook[] }>(type as never) ?? [])];
      configurations.sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
      hooks = configurations.flatMap(({ metadata, webhooks }) =>
        (webhooks ?? []).map((hook, i) => ({ key: `${metadata!.name}/${hook.name}/${i}`, configuration: metadata!.name!, hook })),
      );
      seen = revision;
    }
    return hooks;
  };
}

export const isExempt = (attributes: AdmissionAttributes): boolean =>
  attributes.type.group === GROUP && EXEMPT.has(attributes.type.resource);

const allows = (list: readonly string[] | undefined, value: string) => list?.includes('*') || list?.includes(value) || false;

function resourceMatches(list: readonly string[] | undefined, resource: string, subresource: string): boolean {
  return (list ?? []).some((pattern) => {
    const [wanted, wantedSub = ''] = pattern.split('/');
    if (pattern === '*/*') return true;
    return (wanted === '*' || wanted === resource) && (wantedSub === '*' || wantedSub === subresource);
  });
}

export function ruleMatches(rule: Rule, type: ResourceType, { subresource, operation }: AdmissionAttributes): boolean {
  if (rule.scope === 'Namespaced' && !type.namespaced) return false;
  if (rule.scope === 'Cluster' && type.namespaced) return false;
  return (
    allows(rule.operations, operation) &&
    allows(rule.apiGroups, type.group) &&
    allows(rule.apiVersions, type.version) &&
    resourceMatches(rule.resources, type.resource, subresource)
  );
}

/** How a webhook is to be asked about a request. */
export interface Invocation {
  named: NamedHook;
  /** The form that its rules name, where that is not the request's own. */
  equivalent?: EquivalentResource;
}

/** Rules name what they want exactly, or (with matchPolicy Equivalent) another form of the same resource. */
function matched(named: NamedHook, attributes: AdmissionAttributes): Invocation | undefined {
  const { rules = [], matchPolicy } = named.hook;
  if (rules.some((rule) => ruleMatches(rule, attributes.type, attributes))) return { named };
  if (matchPolicy === 'Exact' || rules.length === 0) return undefined;
  const equivalents = attributes.equivalents?.() ?? [];
  // Earlier rules are honored first.
  for (const rule of rules) {
    const equivalent = equivalents.find(({ type }) => ruleMatches(rule, type, attributes));
    if (equivalent) return { named, equivalent };
  }
  return undefined;
}

export function passesNamespaceSelector({ hook }: Selecting, attributes: AdmissionAttributes): boolean {
  const { object, oldObject, reader, subresource } = attributes;
  const isNamespace = isResource(attributes, '', 'namespaces');
  const namespace = attributes.namespace || (isNamespace ? attributes.name : '');
  // Cluster-scoped objects pass every namespace selector.
  if (namespace === '' && !isNamespace) return true;
  const selector = labelSelectorMatcher(hook.namespaceSelector ?? {});
  if (selector.empty) return true;
  // What is being written is not in the cache yet.
  if (isNamespace && subresource === '') return selector.matches((object ?? oldObject)?.metadata?.labels ?? {});
  const found = reader.get(corev1.namespaces, namespace);
  if (!found) throw statusError.notFound(corev1.namespaces, namespace);
  return selector.matches(found.metadata?.labels ?? {});
}

export function passesObjectSelector({ hook }: Selecting, { object, oldObject }: AdmissionAttributes): boolean {
  const selector = labelSelectorMatcher(hook.objectSelector ?? {});
  return selector.empty || [object, oldObject].some((each) => each !== undefined && selector.matches(each.metadata?.labels ?? {}));
}

/** undefined: the request is nothing to this webhook. Throws NotFound when the request's namespace decides and is not there. */
export function invocationOf(named: NamedHook, attributes: AdmissionAttributes): Invocation | undefined {
  const invocation = matched(named, attributes);
  if (!invocation || !passesObjectSelector(named, attributes) || !passesNamespaceSelector(named, attributes)) return undefined;
  return invocation;
}
