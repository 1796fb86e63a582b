// Carries a plan out in thought, for upstream's tables: every write succeeds, or fails as told, and is counted.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Client, EventRecorder } from '@tiphys/client';
import type { Action, Write } from '../runtime/actions.ts';
import { apply } from '../runtime/apply.ts';

export interface Carried {
  /** Also those that failed. */
  attempts: Partial<Record<Write['do'], number>>;
  created: KubeObject[];
  updated: KubeObject[];
  deleted: string[];
  patched: string[];
  /** The most creations that were under way side by side. */
  sideBySide: number;
  /** By the last update of status; undefined without one. */
  status?: unknown;
  /** All that were tried, in order, also those that failed. */
  statuses: unknown[];
  events: string[];
  wakesMs: number[];
  /** Counter and labels → by how much. */
  tallies: Record<string, number>;
  failure?: Error;
}

export type Fails = (write: Write['do'], type: ResourceType, sofar: Carried) => Error | undefined;

export async function carryOut(actions: readonly Action[], about: KubeObject, fails: Fails = () => undefined): Promise<Carried> {
  const carried: Carried = {
    ...{ attempts: {}, created: [], updated: [], deleted: [], patched: [], events: [] },
    ...{ sideBySide: 0, wakesMs: [], tallies: {}, statuses: [] },
  };
  const { tallies } = carried;
  let underWay = 0;
  const attempt = (type: ResourceType, write: Write['do']) => {
    carried.attempts[write] = (carried.attempts[write] ?? 0) + 1;
    const error = fails(write, type, carried);
    if (error) throw error;
  };
  const of = (type: ResourceType) => ({
    create: async (object: KubeObject) => {
      attempt(type, 'create');
      underWay++;
      carried.sideBySide = Math.max(carried.sideBySide, underWay);
      carried.created.push(object);
      await Promise.resolve();
      underWay--;
      return object;
    },
    update: async (object: KubeObject) => {
      attempt(type, 'update');
      carried.updated.push(object);
      return object;
    },
    updateStatus: async (object: KubeObject & { status?: unknown }) => {
      carried.statuses.push(object.status);
      attempt(type, 'updateStatus');
      carried.status = object.status;
      return object;
    },
    patch: async (name: string) => {
      attempt(type, 'patch');
      carried.patched.push(name);
      return { metadata: { name } };
    },
    delete: async (name: string) => {
      attempt(type, 'delete');
      carried.deleted.push(`${type.resource}/${name}`);
    },
  });
  const events = { event: (_about: KubeObject, _type: string, reason: string) => carried.events.push(reason) };
  const failure = await apply(actions, {
    client: { of } as unknown as Client,
    events: events as unknown as EventRecorder,
    about,
    wrote: () => undefined,
    deleted: () => undefined,
    wake: (atMs) => carried.wakesMs.push(atMs),
    note: () => undefined,
    tally: (counter, labels, by) => {
      const key = [counter, ...labels].join(' ');
      tallies[key] = (tallies[key] ?? 0) + by;
    },
  });
  return { ...carried, ...(failure ? { failure } : {}) };
}
