// Plugins that fill in a pod or node: priority, tolerations, the not-ready taint, topology labels
// (plugin/pkg/admission/{priority,defaulttolerationseconds,nodetaint,podtopologylabels}).
import { corev1, schedulingv1 } from '@tiphys/api';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { forbidden, isResource, podOf } from './attributes.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const TOLERATION_SECONDS = 300;

export function priority(): AdmissionPlugin {
  return {
    name: 'Priority',
    admit(attributes) {
      const created = podOf(attributes, 'CREATE');
      if (created) return setPriority(attributes, created.spec!);
      const updated = podOf(attributes, 'UPDATE')?.spec;
      const old = (attributes.oldObject as corev1.Pod | undefined)?.spec;
      if (!updated || !old) return;
      if (updated.priority === undefined && old.priority !== undefined) updated.priority = old.priority;
      if (updated.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) updated.preemptionPolicy = old.preemptionPolicy;
    },
    validate(attributes) {
      if (!isResource(attributes, 'scheduling.k8s.io', 'priorityclasses') || attributes.subresource !== '') return;
      const given = attributes.object as schedulingv1.PriorityClass | undefined;
      if (!given?.globalDefault || attributes.operation === 'DELETE') return;
      const other = defaultClass(attributes);
      if (other && (attributes.operation === 'CREATE' || other.metadata?.name !== given.metadata?.name)) {
        throw forbidden(attributes, `PriorityClass ${other.metadata?.name} is already marked as default. Only one default can exist`);
      }
    },
  };
}

/** The lowest, should there be several. */
function defaultClass({ reader }: AdmissionAttributes): schedulingv1.PriorityClass | undefined {
  let result: schedulingv1.PriorityClass | undefined;
  for (const each of reader.list(schedulingv1.priorityclasses)) {
    if (each.globalDefault && (!result || (each.value ?? 0) < (result.value ?? 0))) result = each;
  }
  return result;
}

function setPriority(attributes: AdmissionAttributes, spec: corev1.PodSpec): void {
  let found: schedulingv1.PriorityClass | undefined;
  if (spec.priorityClassName) {
    found = attributes.reader.get(schedulingv1.priorityclasses, spec.priorityClassName);
    if (!found) throw forbidden(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
  } else {
    found = defaultClass(attributes);
    if (found) spec.priorityClassName = found.metadata!.name!;
  }
  const value = found?.value ?? 0;
  const policy = found ? found.preemptionPolicy : 'PreemptLowerPriority';
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw forbidden(attributes, why);
  }
  spec.priority = value;
  if (policy === undefined) return;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
    throw forbidden(attributes, why);
  }
  spec.preemptionPolicy = policy;
}

export function defaultTolerationSeconds(): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    admit(attributes) {
      const spec = podOf(attributes, 'CREATE', 'UPDATE')?.spec;
      if (!spec) return;
      const tolerations = spec.tolerations ?? [];
      const tolerates = (key: string) =>
        tolerations.some((each) => (each.key === key || !each.key) && (each.effect === 'NoExecute' || !each.effect));
      const missing = [NOT_READY, UNREACHABLE].filter((key) => !tolerates(key));
      if (missing.length === 0) return;
      const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: TOLERATION_SECONDS }));
      spec.tolerations = [...tolerations, ...added];
    },
  };
}

/** New nodes take no pods before somebody has seen them ready. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    admit(attributes) {
      if (!isResource(attributes, '', 'nodes') || attributes.subresource !== '' || attributes.operation !== 'CREATE') return;
      const node = attributes.object as corev1.Node;
      const taints = node.spec?.taints ?? [];
      if (taints.some((taint) => taint.key === NOT_READY && taint.effect === 'NoSchedule')) return;
      node.spec = { ...node.spec, taints: [...taints, { key: NOT_READY, effect: 'NoSchedule' }] };
    },
  };
}

const TOPOLOGY_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Pods learn the zone and region of their node when they are bound. */
export function podTopologyLabels(): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    admit(attributes) {
      if (attributes.operation !== 'CREATE' || !attributes.object) return;
      const binding = isResource(attributes, '', 'pods') && attributes.subresource === 'binding';
      const pod = podOf(attributes, 'CREATE');
      const target = (attributes.object as corev1.Binding).target;
      const nodeName = pod ? pod.spec?.nodeName : binding && target?.kind === 'Node' ? target.name : undefined;
      if (!nodeName) return;
      const labels = attributes.reader.get(corev1.nodes, nodeName)?.metadata?.labels ?? {};
      const copied = Object.fromEntries(TOPOLOGY_LABELS.filter((key) => labels[key] !== undefined).map((key) => [key, labels[key]!]));
      if (Object.keys(copied).length === 0) return;
      attributes.object.metadata = { ...attributes.object.metadata, labels: { ...attributes.object.metadata?.labels, ...copied } };
    },
  };
}
