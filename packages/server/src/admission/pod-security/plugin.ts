// Pod Security admission: pods that break their namespace's standard are refused, others are warned of
// (pod-security-admission admission/admission.go).
import { corev1, type KubeObject } from '@tiphys/api';
import { jsonEqual, statusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../../interfaces.ts';
import { forbidden, isResource } from '../attributes.ts';
import type { Finding } from './checks.ts';
import { POD_SECURITY_DEFAULT, type PodSecurityConfiguration } from './configuration.ts';
import { compactText, isEquivalent, isPrivileged, type LevelVersion, type Policy, policyOf, policyText, stricter } from './policy.ts';
import { evaluate } from './registry.ts';

const NAMESPACE_PODS_CHECKED_MAX = 3000;
const IGNORED_SUBRESOURCES = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

/** Where the pod template of each controller is. */
const TEMPLATES: Record<string, (object: any) => corev1.PodTemplateSpec | undefined> = {
  replicationcontrollers: (object) => object.spec?.template,
  podtemplates: (object) => object.template,
  'replicasets.apps': (object) => object.spec?.template,
  'deployments.apps': (object) => object.spec?.template,
  'statefulsets.apps': (object) => object.spec?.template,
  'daemonsets.apps': (object) => object.spec?.template,
  'jobs.batch': (object) => object.spec?.template,
  'cronjobs.batch': (object) => object.spec?.jobTemplate?.spec?.template,
};

const ANNOTATION_PREFIX = 'pod-security.kubernetes.io/';

interface Judge {
  configuration: PodSecurityConfiguration;
}

export function podSecurity(configuration: PodSecurityConfiguration = POD_SECURITY_DEFAULT): AdmissionPlugin {
  const judge: Judge = { configuration };
  return {
    name: 'PodSecurity',
    validate(attributes) {
      if (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE') return;
      if (isResource(attributes, '', 'namespaces')) return checkNamespace(judge, attributes);
      if (isResource(attributes, '', 'pods')) return checkPod(judge, attributes);
      const { group, resource } = attributes.type;
      const template = TEMPLATES[group === '' ? resource : `${resource}.${group}`];
      if (template && attributes.subresource === '') checkTemplate(judge, attributes, template);
    },
  };
}

const detail = (findings: readonly Finding[]) =>
  findings.map((each) => (each.detail ? `${each.reason} (${each.detail})` : each.reason)).join(', ');

const annotate = (attributes: AdmissionAttributes, key: string, value: string) => attributes.annotate?.(ANNOTATION_PREFIX + key, value);

function isExempt({ configuration: { exemptions } }: Judge, attributes: AdmissionAttributes): boolean {
  const why = exemptions.namespaces.has(attributes.namespace)
    ? 'namespace'
    : exemptions.usernames.has(attributes.user.name)
      ? 'user'
      : undefined;
  if (why) annotate(attributes, 'exempt', why);
  return why !== undefined;
}

const namespacePolicy = ({ configuration }: Judge, { reader, namespace }: AdmissionAttributes) =>
  policyOf(reader.get(corev1.namespaces, namespace)?.metadata?.labels, configuration.defaults);

type Judged = ReturnType<typeof namespacePolicy>;

/** Judges by each of the policy's modes. Only pods themselves are refused. */
function judgePod(
  { configuration: { exemptions } }: Judge,
  attributes: AdmissionAttributes,
  { policy, errors }: Judged,
  object: KubeObject,
  spec: corev1.PodSpec,
  enforces: boolean,
): void {
  if (exemptions.runtimeClasses.has(spec.runtimeClassName ?? '')) {
    annotate(attributes, 'exempt', 'runtimeClass');
    return;
  }
  if (errors.length > 0) {
    const lines = errors.map(({ field, message }) => `${field}: ${message}`);
    annotate(attributes, 'error', `Failed to parse policy: ${lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`}`);
  }
  const findings = (mode: LevelVersion) => evaluate(mode.level, mode.version, spec, object.metadata ?? {});
  const violation = (mode: LevelVersion, found: readonly Finding[]) => `PodSecurity ${JSON.stringify(policyText(mode))}: ${detail(found)}`;
  const { enforce, audit, warn } = policy;
  if (enforces) annotate(attributes, 'enforce-policy', policyText(enforce));
  const refused = enforces ? findings(enforce) : [];
  const audited = findings(audit);
  if (audited.length > 0) annotate(attributes, 'audit-violations', `would violate ${violation(audit, audited)}`);
  if (refused.length > 0) throw forbidden(attributes, `violates ${violation(enforce, refused)}`);
  const warned = findings(warn);
  if (warned.length > 0) attributes.warn(`would violate ${violation(warn, warned)}`);
}

function checkPod(judge: Judge, attributes: AdmissionAttributes): void {
  const { subresource, operation, oldObject } = attributes;
  if (IGNORED_SUBRESOURCES.has(subresource) || isExempt(judge, attributes)) return;
  const judged = namespacePolicy(judge, attributes);
  if (judged.errors.length === 0 && isPrivileged(judged.policy)) {
    annotate(attributes, 'enforce-policy', policyText({ level: 'privileged', version: 'latest' }));
    return;
  }
  const pod = attributes.object as corev1.Pod;
  if (!pod.spec || (operation === 'UPDATE' && !isSignificant(pod, oldObject as corev1.Pod))) return;
  judgePod(judge, attributes, judged, pod, pod.spec, true);
}

/** Updates matter when containers come or go, or change their image. */
function isSignificant(pod: corev1.Pod, old: corev1.Pod): boolean {
  const images = (spec: corev1.PodSpec | undefined) =>
    [spec?.containers, spec?.initContainers].map((containers) => (containers ?? []).map(({ image }) => image ?? ''));
  if (!jsonEqual(images(pod.spec), images(old.spec))) return true;
  const before = new Map((old.spec?.ephemeralContainers ?? []).map((container) => [container.name, container.image]));
  return (pod.spec?.ephemeralContainers ?? []).some(({ name, image }) => !before.has(name) || before.get(name) !== image);
}

/** Controllers are only warned of: their pods are what is refused. */
function checkTemplate(
  judge: Judge,
  attributes: AdmissionAttributes,
  templateOf: (object: any) => corev1.PodTemplateSpec | undefined,
): void {
  if (isExempt(judge, attributes)) return;
  const judged = namespacePolicy(judge, attributes);
  const { warn, audit } = judged.policy;
  if (judged.errors.length === 0 && warn.level === 'privileged' && audit.level === 'privileged') return;
  const template = templateOf(attributes.object);
  if (template?.spec) judgePod(judge, attributes, judged, { metadata: template.metadata ?? {} }, template.spec, false);
}

/** Whoever writes levels on a namespace that nobody looks at should know. */
function warnOfExemption({ configuration }: Judge, attributes: AdmissionAttributes, policy: Policy): void {
  const { name = '', labels = {} } = attributes.object?.metadata ?? {};
  if (isPrivileged(policy) || isEquivalent(policy, configuration.defaults)) return;
  const ignored = compactText(policy, labels);
  attributes.warn(`namespace ${JSON.stringify(name)} is exempt from Pod Security, and the policy (${ignored}) will be ignored`);
}

function checkNamespace(judge: Judge, attributes: AdmissionAttributes): void {
  if (attributes.subresource !== '') return;
  const { object, oldObject, operation } = attributes;
  const { defaults, exemptions } = judge.configuration;
  const name = object?.metadata?.name ?? '';
  const next = policyOf(object?.metadata?.labels, defaults);
  const before = operation === 'UPDATE' ? policyOf(oldObject?.metadata?.labels, defaults) : undefined;
  if (next.errors.length > 0 && !(before && jsonEqual(before.errors, next.errors))) {
    throw statusError.invalid({ group: '', kind: 'Namespace' }, name, next.errors);
  }
  const exempt = exemptions.namespaces.has(name);
  if (!before) {
    if (exempt) warnOfExemption(judge, attributes, next.policy);
    return;
  }
  const [enforce, old] = [next.policy.enforce, before.policy.enforce];
  const same = enforce.level === old.level && enforce.version === old.version;
  if (same || enforce.level === 'privileged') return;
  if (enforce.version === old.version && !stricter(enforce.level, old.level)) return;
  if (exempt) warnOfExemption(judge, attributes, next.policy);
  else for (const warning of warningsForPods(attributes, name, enforce)) attributes.warn(warning);
}

/** One pod of each controller first, so that a limited look sees as many kinds of pods as it can. */
function prioritized(pods: readonly corev1.Pod[]): corev1.Pod[] {
  const seen = new Set<string>();
  const later: corev1.Pod[] = [];
  const first = pods.filter((pod) => {
    const owner = pod.metadata?.ownerReferences?.find((reference) => reference.controller)?.uid;
    if (owner === undefined || !seen.has(owner)) {
      if (owner !== undefined) seen.add(owner);
      return true;
    }
    later.push(pod);
    return false;
  });
  return [...first, ...later];
}

function warningsForPods({ reader }: AdmissionAttributes, namespace: string, enforce: LevelVersion): string[] {
  const pods = prioritized(reader.list(corev1.pods, namespace));
  const checked = pods.slice(0, NAMESPACE_PODS_CHECKED_MAX);
  const byReason = new Map<string, string[]>();
  for (const pod of checked) {
    const reason = evaluate(enforce.level, enforce.version, pod.spec!, pod.metadata ?? {})
      .map((each) => each.reason)
      .join(', ');
    if (reason !== '') byReason.set(reason, [...(byReason.get(reason) ?? []), pod.metadata!.name!]);
  }
  const warnings: string[] = [];
  if (checked.length < pods.length) {
    warnings.push(`new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`);
  }
  if (byReason.size > 0) {
    const level = JSON.stringify(policyText(enforce));
    warnings.push(`existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${level}`);
  }
  const lines = [...byReason].map(([reason, names]) => {
    const others = names.length - 1;
    const more = others === 0 ? '' : ` (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
    return `${names.sort()[0]}${more}: ${reason}`;
  });
  return [...warnings, ...lines.sort()];
}
