// Every controller that a cluster runs by itself, by upstream's names (cmd/kube-controller-manager/names).
import { deploymentController } from './deployment/deployment-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationController } from './replicaset/replication-controller.ts';
import type { Controller } from './runtime/controller.ts';

export function builtinControllers(): Controller[] {
  return [replicaSetController, replicationController, deploymentController];
}
