// pods/binding: assigns a pod to a node (registry/core/pod/storage BindingREST).
import { corev1, type KubeObject } from '@tiphys/api';
import { fieldError, type Status, StatusError, statusError } from '@tiphys/machinery';
import type { ObjectOperations, RuleContext } from '../../define-resource.ts';
import { checkKeyName } from '../../rules/key-name.ts';
import { nowText } from './prepare.ts';

export const SUCCESS: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

/** Sets a condition, keeping the time of its last transition when its status stays. */
export function setPodCondition(status: corev1.PodStatus, condition: Partial<corev1.PodCondition>, now: string): void {
  const conditions = [...(status.conditions ?? [])];
  const i = conditions.findIndex(({ type }) => type === condition.type);
  const before = conditions[i];
  const next = { lastProbeTime: null, lastTransitionTime: now, ...condition } as corev1.PodCondition;
  if (before && before.status === next.status && before.lastTransitionTime) next.lastTransitionTime = before.lastTransitionTime;
  if (before) conditions[i] = next;
  else conditions.push(next);
  status.conditions = conditions;
}

const subject = { group: '', resource: 'pods/binding' };

function bound(pod: corev1.Pod, binding: corev1.Binding, context: RuleContext): corev1.Pod {
  const name = pod.metadata!.name!;
  const refuse = (why: string) => statusError.conflict(subject, name, why);
  const meta = binding.metadata;
  if (meta?.uid && meta.uid !== pod.metadata!.uid) {
    const why = `Precondition failed: UID in precondition: ${meta.uid}, UID in object meta: ${pod.metadata!.uid}`;
    throw statusError.conflict({ group: '', resource: 'pods' }, name, why);
  }
  if (meta?.resourceVersion && meta.resourceVersion !== pod.metadata!.resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${meta.resourceVersion}, ResourceVersion in object meta: ${pod.metadata!.resourceVersion}`;
    throw statusError.conflict({ group: '', resource: 'pods' }, name, why);
  }
  if (pod.metadata!.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec?.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const { nominatedNodeName: _cleared, ...status } = pod.status ?? {};
  setPodCondition(status, { type: 'PodScheduled', status: 'True' }, nowText(context));
  const metadata = { ...pod.metadata };
  if (meta?.annotations) metadata.annotations = { ...metadata.annotations, ...meta.annotations };
  if (meta?.labels) metadata.labels = { ...metadata.labels, ...meta.labels };
  return { ...pod, metadata, spec: { ...pod.spec!, nodeName: binding.target.name }, status };
}

/** Binds the pod. The pod's name comes from the URL, or for the old `bindings` resource from the body. */
export async function bindPod(
  body: KubeObject,
  target: { name: string; namespace?: string },
  context: RuleContext,
  operations: ObjectOperations,
): Promise<Status> {
  const binding = body as corev1.Binding;
  if (binding.metadata?.name && target.name !== binding.metadata.name) {
    throw statusError.badRequest('name in URL does not match name in Binding object');
  }
  const errors = [];
  const kind = binding.target?.kind;
  if (kind && kind !== 'Node') errors.push(fieldError.notSupported('target.kind', kind, ['Node', '<empty>']));
  if (!binding.target?.name) errors.push(fieldError.required('target.name'));
  if (errors.length) {
    const text = errors.map(({ field, message }) => `${field}: ${message}`);
    throw new StatusError(500, '', text.length === 1 ? text[0]! : `[${text.join(', ')}]`);
  }
  checkKeyName(target.name);
  await operations.update(corev1.pods, target.name, target.namespace, (pod) => bound(pod, binding, context));
  return SUCCESS;
}
