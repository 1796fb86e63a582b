// A store for tests and simulations: everything in memory, gone at the end.
import { LocalStore } from './local-store.ts';
import { Mvcc } from './mvcc.ts';
import type { Store } from './store.ts';

/** Writes flush at the end of the current microtask run, so that a virtual clock never has to wait for them. */
export function memoryStore(): Store {
  return new LocalStore(new Mvcc(), { write() {}, schedule: queueMicrotask, close() {} });
}
