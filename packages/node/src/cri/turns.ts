// Lets few sandboxes and containers start, and few end, at the same moment. Each is a dozen short processes that fight for the
// same locks of the kernel (network links, mounts, cgroups): sixty at once cost a fifth more CPU than four, and all are late.
import type { Clock } from '@tiphys/runtime';
import type { CriClient } from './client.ts';

/** Starts at once, for each CPU: while one waits for the disk, another works. */
export const STARTS_PER_CPU_MAX = 2;
/** Sandboxes that end at once, for each CPU: pods that start meanwhile are waited for, these are not. */
export const ENDS_PER_CPU_MAX = 1;
/** A call that takes longer than this is stuck, in a network plugin for example, and no longer holds up the others. */
export const TURN_MS_MAX = 5000;

export interface Turns {
  /** Does the work when its turn comes; those who go `ahead` come before all others. */
  take<T>(work: () => Promise<T>, ahead: boolean): Promise<T>;
}

export function turns(clock: Clock, atOnceMax: number): Turns {
  const first: (() => void)[] = [];
  const then: (() => void)[] = [];
  let working = 0;
  const next = () => {
    const begin = working < atOnceMax ? (first.shift() ?? then.shift()) : undefined;
    if (!begin) return;
    working++;
    begin();
  };
  return {
    take: (work, ahead) =>
      new Promise((resolve, reject) => {
        const begin = () => {
          let holds = true;
          const leave = () => {
            if (!holds) return;
            holds = false;
            working--;
            next();
          };
          const late = clock.after(TURN_MS_MAX, leave);
          work()
            .then(resolve, reject)
            .finally(() => {
              late.cancel();
              leave();
            });
        };
        (ahead ? first : then).push(begin);
        next();
      }),
  };
}

/** Containers go before new sandboxes: pods that have begun are finished first. */
export function withTurns(cri: CriClient, starts: Turns, ends: Turns): CriClient {
  return {
    ...cri,
    runPodSandbox: (request) => starts.take(() => cri.runPodSandbox(request), false),
    createContainer: (request) => starts.take(() => cri.createContainer(request), true),
    startContainer: (containerId) => starts.take(() => cri.startContainer(containerId), true),
    stopPodSandbox: (podSandboxId) => ends.take(() => cri.stopPodSandbox(podSandboxId), true),
    removePodSandbox: (podSandboxId) => ends.take(() => cri.removePodSandbox(podSandboxId), false),
  };
}
