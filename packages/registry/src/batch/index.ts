// The resources of the batch group.
import type { ResourceDefinition } from '../define-resource.ts';
import { cronJobs } from './cron-jobs.ts';
import { jobs } from './jobs.ts';

export const batchDefinitions: ResourceDefinition<any>[] = [cronJobs, jobs];
