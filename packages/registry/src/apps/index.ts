// The resources of the apps group.
import type { ResourceDefinition } from '../define-resource.ts';
import { controllerRevisions } from './controller-revisions.ts';
import { daemonSets } from './daemon-sets.ts';
import { deployments } from './deployments.ts';
import { replicaSets } from './replica-sets.ts';
import { statefulSets } from './stateful-sets.ts';

export const appsDefinitions: ResourceDefinition<any>[] = [controllerRevisions, daemonSets, deployments, replicaSets, statefulSets];
