// simulate(): a whole cluster on a virtual clock in a test of one's own, for controllers and operators that talk to the API.
import type { Client } from '@tiphys/client';
import type { Logger } from '@tiphys/runtime';
import type { Fault } from './faults.ts';
import type { StoppablePart } from './parts.ts';
import { VirtualCluster } from './virtual-cluster.ts';

export interface SimulateOptions {
  /** Default 1. The same seed gives the same run. */
  seed?: number;
  /** Default 3. */
  nodes?: number;
  /** How many controller managers and schedulers there are; of several, one works and the others wait for its lease. Default 1. */
  candidates?: number;
  log?: Logger;
}

export interface SimulatedClock {
  /** Wall time of the cluster, in milliseconds since the epoch. */
  now(): number;
  /** Moves time forward: milliseconds, or text such as `90s`, `1h30m`, `1d`. Everything due meanwhile happens, in order. */
  advance(by: number | string): Promise<void>;
  /** Sets the wall clock forward or back; timers don't notice. */
  jump(by: number | string): void;
}

export interface SimulatedCluster {
  clock: SimulatedClock;
  /** Acts as the administrator; faults don't touch it. */
  client: Client;
  /** For the program under test: faults of the part `user` happen to it. */
  clientOf(user: string, groups?: readonly string[]): Client;
  /** Turns a fault on; the function that it gives turns it off. */
  fault(fault: Fault): () => void;
  /** Ends the program of the part that works, and starts it again after so long; meanwhile another may take over. */
  restart(part: StoppablePart | 'server', downFor?: number | string): Promise<void>;
  /** The same, but it dies: what it was doing stays as it is, and so does its lease. */
  crash(part: StoppablePart, downFor?: number | string): Promise<void>;
  stop(part: StoppablePart): Promise<void>;
  start(part: StoppablePart): Promise<void>;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1d12h` and its like. */
export function durationMs(duration: number | string): number {
  if (typeof duration === 'number') return duration;
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  if (duration === '' || parts.map(([part]) => part).join('') !== duration.replace(/^-/, ''))
    throw new TypeError(`"${duration}" is not a duration such as 90s, 1h30m or 1d`);
  const sum = parts.reduce((total, [, amount, unit]) => total + Number(amount) * UNITS_MS[unit!]!, 0);
  return duration.startsWith('-') ? -sum : sum;
}

function handles(cluster: VirtualCluster): SimulatedCluster {
  return {
    clock: {
      now: () => cluster.clock.now(),
      advance: async (by) => {
        await cluster.clock.advance(durationMs(by));
        if (cluster.busy) throw cluster.busy;
      },
      jump: (by) => cluster.clock.jump(durationMs(by)),
    },
    client: cluster.client,
    clientOf: (user, groups) => cluster.clientOf(user, groups),
    fault: (fault) => cluster.faults.begin(fault),
    restart: async (part, downFor = 0) => {
      if (part === 'server') return cluster.restartServer(durationMs(downFor));
      return cluster.restartPart(part, durationMs(downFor));
    },
    crash: (part, downFor = 0) => cluster.restartPart(part, durationMs(downFor), true),
    stop: (part) => cluster.stopPart(part),
    start: (part) => cluster.startPart(part),
  };
}

/** Resolves with what the function gives; the cluster is gone then. */
export async function simulate<T>(
  { seed = 1, nodes = 3, candidates = 1, log }: SimulateOptions,
  work: (cluster: SimulatedCluster) => Promise<T>,
): Promise<T> {
  await using cluster = new VirtualCluster({ seed, nodes, candidates, ...(log ? { log } : {}) });
  await cluster.start();
  return await work(handles(cluster));
}
