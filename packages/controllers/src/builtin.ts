// Every controller that a cluster runs by itself, by upstream's names (cmd/kube-controller-manager/names).
import { cronJobController } from './cronjob/cronjob-controller.ts';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { jobController } from './job/job-controller.ts';
import { jobOrphanController } from './job/job-orphan-controller.ts';
import { podAutoscalerController } from './podautoscaler/podautoscaler-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationController } from './replicaset/replication-controller.ts';
import type { Controller } from './runtime/controller.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';
import { ttlAfterFinishedController } from './ttlafterfinished/ttl-after-finished-controller.ts';

export function builtinControllers(): Controller[] {
  return [
    replicaSetController,
    replicationController,
    deploymentController,
    statefulSetController,
    daemonSetController,
    jobController,
    jobOrphanController,
    cronJobController,
    ttlAfterFinishedController,
    podAutoscalerController(),
  ];
}
