export type { ClusterEvent, NodeInfo, Plugin, PodInfo, Refusal, Snapshot } from './framework.ts';
export { type Diagnosis, explain, type Pick, pick } from './pick.ts';
export { defaultPlugins } from './plugins/index.ts';
export { preempt } from './preempt.ts';
export { DEFAULT_SCHEDULER_NAME, type Scheduler, type SchedulerOptions, startScheduler } from './scheduler.ts';
export { podInfo, World } from './world.ts';
