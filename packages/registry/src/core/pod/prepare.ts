// What the server fills in and takes away when pods are written (registry/core/pod/strategy.go).
import { type corev1, type metav1, timeText } from '@tiphys/api';
import type { RuleContext } from '../../define-resource.ts';
import { eachContainer } from '../../rules/pod/scope.ts';
import { qualityOfService } from './quality-of-service.ts';

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';

export function preparePodForCreate(pod: corev1.Pod, context: RuleContext): void {
  const spec = pod.spec ?? ({ containers: [] } as corev1.PodSpec);
  pod.status = { phase: 'Pending', qosClass: qualityOfService(spec) };
  if (spec.schedulingGates?.length) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        lastProbeTime: null as never,
        lastTransitionTime: nowText(context),
        reason: 'SchedulingGated',
        message,
      },
    ];
  }
  mergeLabelKeys(pod, spec);
  takeOverAppArmor(pod, spec, context);
}

/** Now, as the wire has it. */
export const nowText = (context: RuleContext) => timeText(context.runtime.clock.now());

/** Label keys of affinity and spreading become selector terms with the pod's own values. */
function mergeLabelKeys(pod: corev1.Pod, spec: corev1.PodSpec): void {
  const labels = pod.metadata?.labels ?? {};
  const merge = (selector: metav1.LabelSelector | undefined, keys: readonly string[] | undefined, operator: string) => {
    if (!selector) return;
    for (const key of keys ?? []) {
      if (!Object.hasOwn(labels, key)) continue;
      selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [labels[key]!] }];
    }
  };
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution?.map((term) => term.podAffinityTerm) ?? [];
    for (const term of [...preferred, ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])]) {
      merge(term?.labelSelector, term?.matchLabelKeys, 'In');
      merge(term?.labelSelector, term?.mismatchLabelKeys, 'NotIn');
    }
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) merge(constraint.labelSelector, constraint.matchLabelKeys, 'In');
}

/** The annotation of old becomes the field. */
function takeOverAppArmor(pod: corev1.Pod, spec: corev1.PodSpec, context: RuleContext): void {
  const annotations = pod.metadata?.annotations;
  if (!annotations || spec.os?.name === 'windows') return;
  eachContainer(spec, 'spec', (container) => {
    const annotation = annotations[APPARMOR + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) return;
    const profile = appArmorProfileOf(annotation);
    if (profile) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    context.warn(`metadata.annotations[${APPARMOR}${container.name}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  });
}

function appArmorProfileOf(annotation: string): corev1.AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const name = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return name ? { type: 'Localhost', localhostProfile: name } : undefined;
}

const STATUSES = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

/** Fields of features that are off by default, unless the pod has them. */
function dropDisabledStatus(status: corev1.PodStatus, old: corev1.PodStatus | undefined): void {
  if (!old?.nodeAllocatableResourceClaimStatuses) delete status.nodeAllocatableResourceClaimStatuses;
  const hasDigests = STATUSES.some((kind) => old?.[kind]?.some(({ volumeMounts }) => volumeMounts?.some((mount) => mount.volumeStatus)));
  if (hasDigests) return;
  for (const kind of STATUSES) {
    for (const { volumeMounts } of status[kind] ?? []) for (const mount of volumeMounts ?? []) delete mount.volumeStatus;
  }
}

/** Status writes may not touch owners, and keep what old kubelets drop. */
export function preparePodStatus(pod: corev1.Pod, old: corev1.Pod): void {
  pod.spec = old.spec;
  const meta = pod.metadata!;
  delete meta.deletionTimestamp;
  if (old.metadata?.ownerReferences) meta.ownerReferences = old.metadata.ownerReferences;
  else delete meta.ownerReferences;
  const status = pod.status ?? {};
  pod.status = status;
  status.qosClass ||= old.status?.qosClass;
  dropDisabledStatus(status, old.status);
  if (!status.observedGeneration && old.status?.observedGeneration) status.observedGeneration = old.status.observedGeneration;
  const before = new Map<string, (number | undefined)[]>();
  for (const { type, observedGeneration } of old.status?.conditions ?? []) {
    before.set(type, [...(before.get(type) ?? []), observedGeneration]);
  }
  for (const condition of status.conditions ?? []) {
    const generation = before.get(condition.type)?.shift();
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}

/** metav1.ResetObjectMetaForStatus: the view changes nothing of these. */
function keepMetadata(pod: corev1.Pod, old: corev1.Pod): void {
  const meta = pod.metadata!;
  for (const name of ['labels', 'annotations', 'finalizers', 'ownerReferences', 'deletionGracePeriodSeconds'] as const) {
    const value = old.metadata?.[name];
    if (value === undefined) delete meta[name];
    else (meta as Record<string, unknown>)[name] = value;
  }
}

/** pods/ephemeralcontainers: only the list of ephemeral containers counts. */
export function prepareEphemeralContainers(pod: corev1.Pod, old: corev1.Pod): void {
  const ephemeralContainers = pod.spec?.ephemeralContainers;
  pod.spec = { ...(old.spec as corev1.PodSpec), ...(ephemeralContainers ? { ephemeralContainers } : {}) };
  if (!ephemeralContainers) delete pod.spec.ephemeralContainers;
  pod.status = old.status;
  keepMetadata(pod, old);
}

/** pods/resize: only resources and resize policies count; renamed or reordered containers are left for the rules to refuse. */
export function prepareResize(pod: corev1.Pod, old: corev1.Pod): void {
  const [spec, before] = [pod.spec ?? ({} as corev1.PodSpec), old.spec ?? ({} as corev1.PodSpec)];
  const lengths = (s: corev1.PodSpec) => `${s.containers?.length ?? 0}/${s.initContainers?.length ?? 0}`;
  if (lengths(spec) !== lengths(before)) return;
  const merged: corev1.PodSpec = { ...before, containers: resized(spec.containers, before.containers)! };
  if (before.initContainers) merged.initContainers = resized(spec.initContainers, before.initContainers)!;
  if (spec.resources) merged.resources = spec.resources;
  else delete merged.resources;
  pod.spec = merged;
  pod.status = old.status;
  keepMetadata(pod, old);
}

function resized(containers: corev1.Container[] | undefined, before: corev1.Container[] | undefined): corev1.Container[] | undefined {
  if (!containers || !before || containers.some(({ name }, i) => name !== before[i]?.name)) return containers;
  return before.map((container, i) => {
    const { resources: _resources, resizePolicy: _policy, ...rest } = container;
    const { resources, resizePolicy } = containers[i]!;
    return { ...rest, ...(resources ? { resources } : {}), ...(resizePolicy ? { resizePolicy } : {}) };
  });
}
