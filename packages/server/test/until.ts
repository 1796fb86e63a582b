// Waits for what happens in turns of its own. The limit is there for a broken program, not for a slow machine.
import { setTimeout } from 'node:timers/promises';

const WAIT_MS_MAX = 10_000;
const POLL_MS = 2;

export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const endMs = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error('what was waited for did not happen');
    await setTimeout(POLL_MS);
  }
}
