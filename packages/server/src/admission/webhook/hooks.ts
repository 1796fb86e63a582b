// Which webhooks a request goes to (apiserver admission/plugin/webhook/{predicates,generic}).
import { admissionregistrationv1, corev1, type KubeObject } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { AdmissionAttributes } from '../../interfaces.ts';
import { isResource } from '../attributes.ts';

export type Hook = admissionregistrationv1.MutatingWebhook;
type Rule = admissionregistrationv1.RuleWithOperations;

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
        (webhooks ?? []).map((hook, i) => ({ key: `${metadata!.name}/${hook.name}/${i}`, hook })),
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

function ruleMatches(rule: Rule, { type, subresource, operation }: AdmissionAttributes): boolean {
  if (rule.scope === 'Namespaced' && !type.namespaced) return false;
  if (rule.scope === 'Cluster' && type.namespaced) return false;
  return (
    allows(rule.operations, operation) &&
    allows(rule.apiGroups, type.group) &&
    allows(rule.apiVersions, type.version) &&
    resourceMatches(rule.resources, type.resource, subresource)
  );
}

/** The labels that namespace selectors look at: those of the namespace, or of the namespace object itself. */
function namespaceLabels(attributes: AdmissionAttributes): Record<string, string> | undefined {
  const { type, object, oldObject, namespace, reader, subresource, name } = attributes;
  if (isResource(attributes, '', 'namespaces') && subresource === '') return (object ?? oldObject)?.metadata?.labels ?? {};
  const of = isResource(attributes, '', 'namespaces') ? name : type.namespaced ? namespace : '';
  if (of === '') return undefined;
  return reader.get(corev1.namespaces, of)?.metadata?.labels ?? {};
}

export function isInterested({ hook }: NamedHook, attributes: AdmissionAttributes): boolean {
  if (!(hook.rules ?? []).some((rule) => ruleMatches(rule, attributes))) return false;
  const objects = [attributes.object, attributes.oldObject].filter((each) => each !== undefined);
  const byObject = labelSelectorMatcher(hook.objectSelector ?? {});
  if (!byObject.empty && !objects.some((object) => byObject.matches(object.metadata?.labels ?? {}))) return false;
  const labels = namespaceLabels(attributes);
  // Cluster-scoped objects pass every namespace selector.
  return labels === undefined || labelSelectorMatcher(hook.namespaceSelector ?? {}).matches(labels);
}
