// The linearizability proof: rounds of one history each, on every store in turn.
import type { Proof, Round } from '../proof.ts';
import { check } from './check.ts';
import type { History } from './history.ts';
import { KINDS, type Kind, removeEtcd } from './servers.ts';
import { historyOf, type WorkloadSize } from './workload.ts';

const SIZE: WorkloadSize = { operations: 6000, clients: 25, watchers: 40, patienceMs: 30_000 };

const told = ({ watches }: History): number => watches.reduce((sum, watched) => sum + watched.told.length + watched.initial.length, 0);
const count = <T>(all: readonly T[], is: (one: T) => boolean): number => all.reduce((sum, one) => sum + (is(one) ? 1 : 0), 0);

export async function linearizabilityRound(kind: Kind, seed: number, size: WorkloadSize): Promise<Round> {
  const running = await kind.start();
  try {
    const history = await historyOf(running, seed, size);
    const { operations, watches } = history;
    return {
      done: operations.length,
      sums: {
        [`operations on ${kind.name}`]: operations.length,
        'writes acknowledged': count(operations, ({ kind, code }) => kind !== 'get' && kind !== 'list' && code < 300),
        'writes refused, rightly': count(operations, ({ kind, code }) => kind !== 'get' && kind !== 'list' && code >= 300),
        'reads of forgotten revisions, answered so': count(operations, ({ code }) => code === 410),
        watches: watches.length,
        'watches from forgotten revisions, answered so': count(watches, ({ error }) => error === 410),
        'watch events': told(history),
        bookmarks: watches.reduce((sum, { bookmarks }) => sum + bookmarks.length, 0),
      },
      failures: check(history).map((failure) => `on ${kind.name}: ${failure}`),
    };
  } finally {
    await running.close();
  }
}

export const linearizability: Proof = {
  name: 'linearizability',
  title: 'Linearizability and watch guarantees',
  about: `
25 clients create, update, patch, apply, delete, get and list ConfigMaps of twelve names as a seed says, all at once, with and without demanded
revisions, in pages, and at every rule of resourceVersion (unset, 0, a revision, exactly a revision, one of the future); 40 watches follow all, a
namespace, a label or a name, with and without initial objects, end, and are resumed. Timers of minutes are over in a fraction of a second, so that
bookmarks come and history is forgotten all the time. Every write has a revision, and the store gives them out in the order of the writes; so the
order need not be searched for. Held against it: each write did what it says to what was there, no revision is given twice, what is there was
written; each operation fits at one revision that is not before that of any operation answered when it was asked (which is exact and covers
all keys together); each list is the state of its revision; refusals were right; each watch was told every change after its start, in order, once,
as its selector sees it, with no bookmark before an event that it covers. The server runs over memory, SQLite, and two of them over three members
of etcd, asked in process; and over memory through HTTPS. 44 planted faults in store and cache are all found (store-faults.ts, answer-faults.ts).`,
  unit: 'operations',
  fullCount: 1_000_000,
  open: async () => {
    const kinds = KINDS.filter(({ skip }) => !skip?.());
    return { round: (seed, index) => linearizabilityRound(kinds[index % kinds.length]!, seed, SIZE), close: removeEtcd };
  },
};
