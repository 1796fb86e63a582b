// Waits until an object is gone or has become another one of the same name (kubectl pkg/cmd/wait/delete.go).
import type { KubeObject } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { CommandError } from '../terminal.ts';
import type { Session } from './session.ts';

const LOOK_AGAIN_MS = 200;
/** "As long as it takes" is a week, as upstream has it. */
export const WAIT_MS_MAX = 168 * 3_600_000;

export interface Awaited {
  path: string;
  /** For the message. */
  what: string;
  uid?: string;
}

/** Holds the process: the clock's own timers do not. */
export const pause = (delayMs: number): Promise<void> => new Promise((settle) => setTimeout(settle, delayMs));

/** Looks until `done`; the deadline is shared by all that one command waits for. */
export async function until(deadlineMs: number, timedOut: () => Error, done: () => Promise<boolean>): Promise<void> {
  const clock = realClock();
  for (;;) {
    if (await done()) return;
    if (clock.monotonicMs() > deadlineMs) throw timedOut();
    await pause(LOOK_AGAIN_MS);
  }
}

export async function waitUntilGone(session: Session, { path, what, uid }: Awaited, deadlineMs: number): Promise<void> {
  await until(
    deadlineMs,
    () => new CommandError(`timed out waiting for the condition on ${what}`),
    async () => {
      try {
        const object = await session.call<KubeObject>('GET', path);
        return uid !== undefined && object.metadata?.uid !== uid;
      } catch (error) {
        if (isNotFound(error)) return true;
        throw error;
      }
    },
  );
}
