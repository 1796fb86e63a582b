// Pods (registry/core/pod/strategy.go, apis/core/validation, printers printPod).
import type { corev1 } from '@tiphys/api';
import { baseDefinition, defineBuiltIn } from '../built-in/base.ts';
import type { ResourceDefinition, SubresourceDefinition } from '../define-resource.ts';
import { isDns1123Label } from '../rules/formats.ts';
import { warnAboutPod } from '../rules/pod/warnings.ts';
import { bindPod } from './pod/binding.ts';
import { podColumns, podRowConditions } from './pod/columns.ts';
import { evictPod } from './pod/eviction.ts';
import { prepareEphemeralContainers, preparePodForCreate, preparePodStatus, prepareResize } from './pod/prepare.ts';
import { validatePodCreate, validatePodUpdate } from './pod/rules.ts';
import { validatePodStatus } from './pod/status-rules.ts';
import { validateEphemeralContainers, validateResize } from './pod/view-rules.ts';

const OWN_SUBRESOURCES: Record<string, Partial<SubresourceDefinition<corev1.Pod>>> = {
  binding: { create: bindPod },
  eviction: { create: evictPod },
  ephemeralcontainers: { update: { prepareForUpdate: prepareEphemeralContainers, validateUpdate: validateEphemeralContainers } },
  resize: { update: { prepareForUpdate: prepareResize, validateUpdate: validateResize } },
};

/** The grace period a delete uses: 0 goes at once. */
function graceSeconds({ spec, status }: corev1.Pod, requested: number | undefined): number {
  const seconds = requested ?? spec?.terminationGracePeriodSeconds ?? 0;
  if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  return seconds < 0 ? 1 : seconds;
}

export const pods: ResourceDefinition<corev1.Pod> = defineBuiltIn<corev1.Pod>('', 'v1', 'pods', {
  prepareForCreate: preparePodForCreate,
  prepareForUpdate(pod, old) {
    pod.status = old.status;
  },
  validateCreate(pod, context) {
    const errors = validatePodCreate(pod);
    if (errors.length) return errors;
    const wrong = isDns1123Label(pod.metadata?.name ?? '');
    if (wrong.length) {
      const why = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
      context.warn(`metadata.name: ${why}: [${wrong.join(' ')}]`);
    }
    warnAboutPod(context.warn, '', pod.spec, pod.metadata);
    return errors;
  },
  validateUpdate: validatePodUpdate,
  status: { prepareForUpdate: preparePodStatus, validateUpdate: validatePodStatus },
  selectableFields: ({ spec, status }) => ({
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),
  columns: podColumns,
  rowConditions: podRowConditions,
  graceSeconds,
  subresources: baseDefinition<corev1.Pod>('', 'v1', 'pods').subresources?.map((subresource) => ({
    ...subresource,
    ...OWN_SUBRESOURCES[subresource.name],
  })),
});
