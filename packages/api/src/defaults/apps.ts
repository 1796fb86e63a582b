// Defaults of Deployments, DaemonSets, StatefulSets and ReplicaSets (pkg/apis/apps/v1/defaults.go, conversion.go).
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../generated/apps-v1.types.ts';
import type { DefaultFunction } from './types.ts';

const REVISIONS = 10;
const PROGRESS_SECONDS = 600;

function defaultDeployment(deployment: Deployment): void {
  const spec = deployment.spec!;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  const strategy = spec.strategy;
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= '25%';
    strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= REVISIONS;
  spec.progressDeadlineSeconds ??= PROGRESS_SECONDS;
}

function defaultDaemonSet(daemonSet: DaemonSet): void {
  const spec = daemonSet.spec!;
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= 1;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  // Upstream's other form has numbers there, whatever the type.
  if (strategy.rollingUpdate) {
    strategy.rollingUpdate.maxUnavailable ??= 0;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= REVISIONS;
}

function defaultStatefulSet(statefulSet: StatefulSet): void {
  const spec = statefulSet.spec!;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) {
    strategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  retention.whenDeleted ||= 'Retain';
  retention.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= REVISIONS;
  // Embedded claims carry their identity.
  spec.volumeClaimTemplates = spec.volumeClaimTemplates?.map(({ kind, apiVersion, ...claim }) => ({
    kind: kind || 'PersistentVolumeClaim',
    apiVersion: apiVersion || 'v1',
    ...claim,
  }));
}

const APPS = 'io.k8s.api.apps.v1.';

export const appsDefaults: Record<string, DefaultFunction> = {
  [`${APPS}Deployment`]: defaultDeployment,
  [`${APPS}DaemonSet`]: defaultDaemonSet,
  [`${APPS}StatefulSet`]: defaultStatefulSet,
  [`${APPS}ReplicaSet`]: (replicaSet: ReplicaSet) => {
    replicaSet.spec!.replicas ??= 1;
  },
};
