// A Deployment described, with the ReplicaSets that are its old and new ones.
import { appsv1 as apps, type appsv1, pathOf } from '@tiphys/api';
import { jsonEqual } from '@tiphys/machinery';
import { podSelector } from '../kube/pods.ts';
import type { Session } from '../kube/session.ts';
import { timeText, writeAnnotations, writeLabels } from './common.ts';
import { writePodTemplate } from './pod.ts';
import type { Writer } from './writer.ts';

type Texts = Record<string, string> | undefined;
const HASH = 'pod-template-hash';

/** Upstream compares the templates without the label that tells them apart. */
function isOfTemplate(set: appsv1.ReplicaSet, deployment: appsv1.Deployment): boolean {
  const { [HASH]: _, ...labels } = (set.spec?.template?.metadata?.labels ?? {}) as Record<string, string>;
  const own = deployment.spec!.template;
  return jsonEqual(labels, own.metadata?.labels ?? {}) && jsonEqual(set.spec?.template?.spec, own.spec);
}

function setsText(sets: readonly appsv1.ReplicaSet[]): string {
  const texts = sets.map(
    ({ metadata, status, spec }) => `${metadata?.name} (${status?.replicas ?? 0}/${spec?.replicas ?? 0} replicas created)`,
  );
  return texts.length === 0 ? '<none>' : texts.join(', ');
}

export async function writeDeployment(w: Writer, deployment: appsv1.Deployment, session: Session): Promise<void> {
  const { metadata, spec, status = {} } = deployment;
  const selector = podSelector(deployment) ?? '';
  const path = pathOf(apps.replicasets, metadata?.namespace);
  const { items } = await session.call<{ items: appsv1.ReplicaSet[] }>('GET', path, { query: { labelSelector: selector } });
  const own = items.filter((set) => set.metadata?.ownerReferences?.some((owner) => owner.controller && owner.uid === metadata?.uid));
  const newest = own.find((set) => isOfTemplate(set, deployment));
  w.line(0, `Name:\t${metadata?.name}`);
  w.line(0, `Namespace:\t${metadata?.namespace}`);
  w.line(0, `CreationTimestamp:\t${timeText(metadata?.creationTimestamp)}`);
  writeLabels(w, 'Labels', metadata?.labels as Texts);
  writeAnnotations(w, 'Annotations', metadata?.annotations as Texts);
  w.line(0, `Selector:\t${selector}`);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status;
  w.line(
    0,
    `Replicas:\t${spec?.replicas} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
  );
  w.line(0, `StrategyType:\t${spec?.strategy?.type ?? ''}`);
  w.line(0, `MinReadySeconds:\t${spec?.minReadySeconds ?? 0}`);
  const rolling = spec?.strategy?.rollingUpdate;
  if (rolling) w.line(0, `RollingUpdateStrategy:\t${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`);
  writePodTemplate(w, spec!.template);
  if (status.conditions?.length) {
    w.raw('Conditions:\n  Type\tStatus\tReason\n');
    w.line(1, '----\t------\t------');
    for (const { type, status: value, reason } of status.conditions) w.line(1, `${type} \t${value}\t${reason ?? ''}`);
  }
  if (own.length === 0) return;
  const old = own
    .filter((set) => set !== newest)
    .sort((a, b) => (String(a.metadata?.creationTimestamp) < String(b.metadata?.creationTimestamp) ? -1 : 1));
  w.line(0, `OldReplicaSets:\t${setsText(old)}`);
  w.line(0, `NewReplicaSet:\t${setsText(newest ? [newest] : [])}`);
}
