// Notices that the machine's wall clock was set. Timers and leases go by a clock that does not jump, and nothing that is stored goes by
// either; but certificates, tokens and events end by the wall clock, so whoever wonders about them should find the reason in the log.
import type { Runtime } from '@tiphys/runtime';

const LOOK_EVERY_MS = 60_000;
/** Less than that is a clock that is kept right. */
const JUMP_MS_MIN = 5_000;

/** Returns a stop function. */
export function watchClock({ clock, log }: Pick<Runtime, 'clock' | 'log'>, onJump: () => void): () => void {
  const offset = () => clock.now() - clock.monotonicMs();
  let knownMs = offset();
  const look = () => {
    const byMs = offset() - knownMs;
    knownMs += byMs;
    if (Math.abs(byMs) >= JUMP_MS_MIN) {
      const way = byMs > 0 ? 'forward' : 'back';
      log.warning(`this machine's clock was set ${way}: certificates, tokens and events end by it; nothing was changed`, {
        seconds: Math.round(Math.abs(byMs) / 1000),
      });
      onJump();
    }
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  let timer = clock.after(LOOK_EVERY_MS, look);
  return () => timer.cancel();
}
