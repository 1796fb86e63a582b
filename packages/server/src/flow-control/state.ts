// What the running configuration of priority and fairness consists of.
import type { UserInfo } from '@tiphys/machinery';
import type { RequestInfo } from '../interfaces.ts';
import type { LevelPlan } from './configuration.ts';
import type { FlowMetrics } from './flow-metrics.ts';
import type { QueueSet } from './queue-set.ts';
import type { RetryAfter } from './retry-after.ts';

export interface Level {
  plan: LevelPlan;
  set: QueueSet;
  target: number;
  retryAfter: RetryAfter;
}

export interface Flow {
  name: string;
  level: Level;
  matches(info: RequestInfo, user: UserInfo): boolean;
  distinguisher: 'ByUser' | 'ByNamespace' | undefined;
  /** The queues of each flow, once dealt. */
  hands: Map<string, readonly number[]>;
  /** What answers say of their classification: UIDs, since names are nobody's business. */
  headers: Readonly<Record<string, string>>;
  series: ReturnType<FlowMetrics['flow']>;
}
