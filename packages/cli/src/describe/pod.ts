// A pod, and the pod template of a workload, described.
import type { corev1 } from '@tiphys/api';
import { sinceText, timeText, writeAnnotations, writeLabels, writeTolerations } from './common.ts';
import { writeContainers, writeResources } from './containers.ts';
import { writeVolumes } from './volumes.ts';
import type { Writer } from './writer.ts';

type Texts = Record<string, string> | undefined;

export function controllerText(object: {
  metadata?: { ownerReferences?: readonly { controller?: boolean; kind: string; name: string }[] };
}): string {
  const controller = object.metadata?.ownerReferences?.find((owner) => owner.controller);
  return controller ? `${controller.kind}/${controller.name}` : '';
}

function writeIdentity(w: Writer, pod: corev1.Pod): void {
  const { metadata, spec, status } = pod;
  w.line(0, `Name:\t${metadata?.name}`);
  w.line(0, `Namespace:\t${metadata?.namespace}`);
  if (spec?.priority !== undefined) w.line(0, `Priority:\t${spec.priority}`);
  if (spec?.priorityClassName) w.line(0, `Priority Class Name:\t${spec.priorityClassName}`);
  if (spec?.runtimeClassName) w.line(0, `Runtime Class Name:\t${spec.runtimeClassName}`);
  if (spec?.serviceAccountName) w.line(0, `Service Account:\t${spec.serviceAccountName}`);
  w.line(0, `Node:\t${spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ''}` : '<none>'}`);
  if (status?.startTime) w.line(0, `Start Time:\t${timeText(status.startTime)}`);
  writeLabels(w, 'Labels', metadata?.labels as Texts);
  writeAnnotations(w, 'Annotations', metadata?.annotations as Texts);
}

function writePhase(w: Writer, { metadata, spec, status }: corev1.Pod, nowMs: number): void {
  const phase = status?.phase ?? '';
  if (metadata?.deletionTimestamp && phase !== 'Failed' && phase !== 'Succeeded') {
    w.line(0, `Status:\tTerminating (lasts ${sinceText(metadata.deletionTimestamp, nowMs)})`);
    w.line(0, `Termination Grace Period:\t${metadata.deletionGracePeriodSeconds}s`);
  } else w.line(0, `Status:\t${phase}`);
  if (status?.reason) w.line(0, `Reason:\t${status.reason}`);
  if (status?.message) w.line(0, `Message:\t${status.message}`);
  if (spec?.securityContext?.seccompProfile) w.line(0, `SeccompProfile:\t${spec.securityContext.seccompProfile.type}`);
  w.line(0, `IP:\t${status?.podIP ?? ''}`);
  const addresses = status?.podIPs ?? [];
  w.line(0, `IPs:${addresses.length === 0 ? '\t<none>' : ''}`);
  for (const { ip } of addresses) w.line(1, `IP:\t${ip}`);
}

function writeConditions(w: Writer, { spec, status }: corev1.Pod): void {
  const conditions = status?.conditions ?? [];
  if (spec?.readinessGates?.length) {
    w.raw('Readiness Gates:\n  Type\tStatus\n');
    for (const { conditionType } of spec.readinessGates)
      w.line(1, `${conditionType} \t${conditions.find(({ type }) => type === conditionType)?.status ?? '<none>'} `);
  }
  if (conditions.length === 0) return;
  w.raw('Conditions:\n  Type\tStatus\n');
  for (const { type, status: value } of conditions) w.line(1, `${type} \t${value} `);
}

export function writePod(w: Writer, pod: corev1.Pod, nowMs: number): void {
  const { spec, status } = pod;
  writeIdentity(w, pod);
  writePhase(w, pod, nowMs);
  const controller = controllerText(pod);
  if (controller) w.line(0, `Controlled By:\t${controller}`);
  if (status?.nominatedNodeName) w.line(0, `NominatedNodeName:\t${status.nominatedNodeName}`);
  if (spec?.resources) {
    w.line(0, 'Resources:');
    writeResources(w, 1, spec.resources);
  }
  if (spec?.initContainers?.length) writeContainers(w, 'Init Containers', spec.initContainers, status?.initContainerStatuses, pod);
  writeContainers(w, 'Containers', spec?.containers ?? [], status?.containerStatuses, pod);
  if (spec?.ephemeralContainers?.length)
    writeContainers(w, 'Ephemeral Containers', spec.ephemeralContainers as corev1.Container[], status?.ephemeralContainerStatuses, pod);
  writeConditions(w, pod);
  writeVolumes(w, spec?.volumes);
  w.line(0, `QoS Class:\t${status?.qosClass ?? ''}`);
  writeLabels(w, 'Node-Selectors', spec?.nodeSelector as Texts);
  writeTolerations(w, 'Tolerations', spec?.tolerations);
}

export function writePodTemplate(w: Writer, template: corev1.PodTemplateSpec): void {
  const { metadata, spec } = template;
  w.line(0, 'Pod Template:');
  writeLabels(w, '  Labels', metadata?.labels as Texts);
  if (Object.keys(metadata?.annotations ?? {}).length > 0) writeAnnotations(w, '  Annotations', metadata?.annotations as Texts);
  if (spec?.serviceAccountName) w.line(1, `Service Account:\t${spec.serviceAccountName}`);
  if (spec?.initContainers?.length) writeContainers(w, 'Init Containers', spec.initContainers, undefined, undefined, '  ');
  writeContainers(w, 'Containers', spec?.containers ?? [], undefined, undefined, '  ');
  writeVolumes(w, spec?.volumes, '  ');
  if (spec?.priorityClassName) w.line(1, `Priority Class Name:\t${spec.priorityClassName}`);
  writeLabels(w, '  Node-Selectors', spec?.nodeSelector as Texts);
  writeTolerations(w, '  Tolerations', spec?.tolerations);
}
