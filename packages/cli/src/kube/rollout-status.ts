// How far a rollout is, in kubectl's sentences, pure (kubectl pkg/polymorphichelpers/rollout_status.go).
import type { appsv1 } from '@tiphys/api';
import { CommandError } from '../terminal.ts';

export interface Progress {
  text: string;
  done: boolean;
}

const waiting = (text: string): Progress => ({ text, done: false });
const done = (text: string): Progress => ({ text, done: true });

export function deploymentProgress({ metadata, spec, status = {} }: appsv1.Deployment): Progress {
  const name = JSON.stringify(metadata?.name);
  if ((metadata?.generation ?? 0) > (status.observedGeneration ?? 0))
    return waiting('Waiting for deployment spec update to be observed...');
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') throw new CommandError(`deployment ${name} exceeded its progress deadline`);
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  const head = `Waiting for deployment ${name} rollout to finish:`;
  if (updatedReplicas < wanted) return waiting(`${head} ${updatedReplicas} out of ${wanted} new replicas have been updated...`);
  if (replicas > updatedReplicas) return waiting(`${head} ${replicas - updatedReplicas} old replicas are pending termination...`);
  if (availableReplicas < updatedReplicas)
    return waiting(`${head} ${availableReplicas} of ${updatedReplicas} updated replicas are available...`);
  return done(`deployment ${name} successfully rolled out`);
}

const onlyRolling = (type: string | undefined) => {
  if (type !== 'RollingUpdate') throw new CommandError('rollout status is only available for RollingUpdate strategy type');
};

export function daemonSetProgress({ metadata, spec, status }: appsv1.DaemonSet): Progress {
  onlyRolling(spec?.updateStrategy?.type);
  const name = JSON.stringify(metadata?.name);
  if ((metadata?.generation ?? 0) > (status?.observedGeneration ?? 0))
    return waiting('Waiting for daemon set spec update to be observed...');
  const { updatedNumberScheduled = 0, desiredNumberScheduled = 0, numberAvailable = 0 } = status ?? {};
  const head = `Waiting for daemon set ${name} rollout to finish:`;
  if (updatedNumberScheduled < desiredNumberScheduled)
    return waiting(`${head} ${updatedNumberScheduled} out of ${desiredNumberScheduled} new pods have been updated...`);
  if (numberAvailable < desiredNumberScheduled)
    return waiting(`${head} ${numberAvailable} of ${desiredNumberScheduled} updated pods are available...`);
  return done(`daemon set ${name} successfully rolled out`);
}

export function statefulSetProgress({ metadata, spec, status }: appsv1.StatefulSet): Progress {
  onlyRolling(spec?.updateStrategy?.type);
  if (!status?.observedGeneration || (metadata?.generation ?? 0) > status.observedGeneration)
    return waiting('Waiting for statefulset spec update to be observed...');
  const wanted = spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, currentReplicas = 0, updateRevision, currentRevision } = status;
  if (readyReplicas < wanted) return waiting(`Waiting for ${wanted - readyReplicas} pods to be ready...`);
  const partition = spec?.updateStrategy?.rollingUpdate?.partition;
  if (spec?.updateStrategy?.rollingUpdate) {
    if (partition !== undefined && updatedReplicas < wanted - partition)
      return waiting(
        `Waiting for partitioned roll out to finish: ${updatedReplicas} out of ${wanted - partition} new pods have been updated...`,
      );
    return done(`partitioned roll out complete: ${updatedReplicas} new pods have been updated...`);
  }
  if (updateRevision !== currentRevision)
    return waiting(`waiting for statefulset rolling update to complete ${updatedReplicas} pods at revision ${updateRevision}...`);
  return done(`statefulset rolling update complete ${currentReplicas} pods at revision ${currentRevision}...`);
}
