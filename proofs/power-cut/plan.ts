// What the store is asked in one recording, from a seed alone: the program that writes and the one that judges both know it.
import { seededRandom } from '@tiphys/runtime';
import type { StoreOperation } from '@tiphys/storage';

/** Operations that are committed together, so that they become one transaction; or a restart of the store. */
export type Turn = { type: 'commit' | 'commitAll'; operations: StoreOperation[] } | { type: 'reopen' };

export interface PlanSize {
  turns: number;
  keys: number;
  /** All keys are written first, so that the file is large enough to be packed. */
  filled: boolean;
}

export interface Expected {
  value: Uint8Array;
  createRevision: number;
  modRevision: number;
}

export interface State {
  revision: number;
  records: ReadonlyMap<string, Expected>;
}

const OPERATIONS_MAX = 12;
const REOPEN_SHARE = 0.02;
const ALL_SHARE = 0.1;
const DELETE_SHARE = 0.25;
const LARGE_SHARE = 0.02;
const LARGE_BYTES_MAX = 60_000;
const USUAL_BYTES_MAX = 3000;

export function planOf(seed: number, { turns, keys, filled }: PlanSize): Turn[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random.number() * n);
  const keyAt = (index: number) => `/registry/things/space-${index % 3}/${index}`;
  const put = (key: string): StoreOperation => {
    const bytesMax = random.number() < LARGE_SHARE ? LARGE_BYTES_MAX : USUAL_BYTES_MAX;
    return { type: 'put', key, value: Buffer.alloc(below(bytesMax), random.suffix(8)) };
  };
  const plan: Turn[] = filled ? [{ type: 'commitAll', operations: Array.from({ length: keys }, (_, index) => put(keyAt(index))) }] : [];
  while (plan.length < turns) {
    if (plan.length > 0 && random.number() < REOPEN_SHARE) plan.push({ type: 'reopen' });
    const operations = Array.from({ length: 1 + below(OPERATIONS_MAX) }, (): StoreOperation => {
      const key = keyAt(below(keys));
      return random.number() < DELETE_SHARE ? { type: 'delete', key } : put(key);
    });
    plan.push({ type: random.number() < ALL_SHARE ? 'commitAll' : 'commit', operations });
  }
  return plan;
}

/** What must be there after each turn; index 0 is before the first. */
export function statesOf(plan: readonly Turn[], firstRevision: number): State[] {
  const states: State[] = [{ revision: firstRevision, records: new Map() }];
  for (const turn of plan) {
    const last = states.at(-1)!;
    if (turn.type === 'reopen') {
      states.push(last);
      continue;
    }
    const records = new Map(last.records);
    let { revision } = last;
    for (const operation of turn.operations) {
      const { key } = operation;
      const current = records.get(key);
      if (operation.type === 'delete') {
        if (records.delete(key)) revision++;
        continue;
      }
      revision++;
      records.set(key, { value: operation.value, createRevision: current?.createRevision ?? revision, modRevision: revision });
    }
    states.push({ revision, records });
  }
  return states;
}
