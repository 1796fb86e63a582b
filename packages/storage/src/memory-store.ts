// A store for tests and simulations: everything in memory, gone at the end.
import { LocalStore } from './local-store.ts';
import { Mvcc } from './mvcc.ts';
import type { Store } from './store.ts';

/**
 * `schedule`: when writes are flushed. By default at the end of the current microtask run, so that a virtual clock never has to wait for
 * them; where time is real, a turn later lets timers and sockets have theirs, and the writes of a turn reach watchers together.
 */
export function memoryStore({ schedule = queueMicrotask }: { schedule?: (flush: () => void) => void } = {}): Store {
  return new LocalStore(new Mvcc(), { write() {}, schedule, close() {} });
}
