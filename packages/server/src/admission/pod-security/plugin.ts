// Pod Security admission: pods that break their namespace's standard are refused, others are warned of
// (pod-security-admission admission/admission.go).
import { corev1, type KubeObject } from '@tiphys/api';
import { jsonEqual, statusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin } from '../../interfaces.ts';
import { forbidden, isResource } from '../attributes.ts';
import type { Finding } from './checks.ts';
import { type LevelVersion, type Policy, policyOf, policyText, stricter } from './policy.ts';
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

export function podSecurity(): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    validate(attributes) {
      if (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE') return;
      if (isResource(attributes, '', 'namespaces')) return checkNamespace(attributes);
      if (isResource(attributes, '', 'pods')) return checkPod(attributes);
      const { group, resource } = attributes.type;
      const template = TEMPLATES[group === '' ? resource : `${resource}.${group}`];
      if (template && attributes.subresource === '') checkTemplate(attributes, template(attributes.object));
    },
  };
}

const detail = (findings: readonly Finding[]) =>
  findings.map((each) => (each.detail ? `${each.reason} (${each.detail})` : each.reason)).join(', ');
const isPrivileged = ({ enforce, audit, warn }: Policy) => [enforce, audit, warn].every(({ level }) => level === 'privileged');

function policyFor(attributes: AdmissionAttributes): Policy | undefined {
  const namespace = attributes.reader.get(corev1.namespaces, attributes.namespace);
  const { policy, errors } = policyOf(namespace?.metadata?.labels);
  return errors.length === 0 && isPrivileged(policy) ? undefined : policy;
}

function warnOf(attributes: AdmissionAttributes, { warn }: Policy, object: KubeObject, spec: corev1.PodSpec): void {
  const findings = evaluate(warn.level, warn.version, spec, object.metadata ?? {});
  if (findings.length > 0) attributes.warn(`would violate PodSecurity ${JSON.stringify(policyText(warn))}: ${detail(findings)}`);
}

function checkPod(attributes: AdmissionAttributes): void {
  const { subresource, operation, oldObject } = attributes;
  if (IGNORED_SUBRESOURCES.has(subresource)) return;
  const policy = policyFor(attributes);
  const pod = attributes.object as corev1.Pod;
  if (!policy || !pod.spec || (operation === 'UPDATE' && !isSignificant(pod, oldObject as corev1.Pod))) return;
  const { enforce } = policy;
  const findings = evaluate(enforce.level, enforce.version, pod.spec, pod.metadata ?? {});
  if (findings.length > 0) throw forbidden(attributes, `violates PodSecurity ${JSON.stringify(policyText(enforce))}: ${detail(findings)}`);
  warnOf(attributes, policy, pod, pod.spec);
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
function checkTemplate(attributes: AdmissionAttributes, template: corev1.PodTemplateSpec | undefined): void {
  const policy = template?.spec && policyFor(attributes);
  if (policy) warnOf(attributes, policy, { metadata: template.metadata ?? {} }, template.spec!);
}

function checkNamespace(attributes: AdmissionAttributes): void {
  if (attributes.subresource !== '') return;
  const { object, oldObject, operation } = attributes;
  const name = object?.metadata?.name ?? '';
  const next = policyOf(object?.metadata?.labels);
  const before = operation === 'UPDATE' ? policyOf(oldObject?.metadata?.labels) : undefined;
  if (next.errors.length > 0 && !(before && jsonEqual(before.errors, next.errors))) {
    throw statusError.invalid({ group: '', kind: 'Namespace' }, name, next.errors);
  }
  if (!before) return;
  const [enforce, old] = [next.policy.enforce, before.policy.enforce];
  const same = enforce.level === old.level && enforce.version === old.version;
  if (same || enforce.level === 'privileged') return;
  if (enforce.version === old.version && !stricter(enforce.level, old.level)) return;
  for (const warning of warningsForPods(attributes, name, enforce)) attributes.warn(warning);
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
