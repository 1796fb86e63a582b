// A node that says nothing is not thought to be well.
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import { nameOf } from '../pods.ts';
import type { Story } from '../story.ts';
import type { Truth } from '../truth.ts';

/** Longer than the grace that nodes have, and than any trouble of those who judge them. */
const NOTICED_MS = 240_000;

/**
 * Sets a time to look for every silence of the story that is long enough. Jumps of the wall clock are no excuse: grace is measured by the
 * clock of who judges, and that one does not jump (pkg/controller/nodelifecycle: probeTimestamp is a time.Now() of the program's own).
 */
export function judgeSilences({ steps }: Story, truth: Truth, clock: Clock): void {
  for (const { atMs, action } of steps) {
    if (action.do !== 'fault' || action.fault.kind !== 'silence' || action.forMs <= NOTICED_MS) continue;
    // The last step ends all trouble.
    if (atMs + NOTICED_MS >= steps.at(-1)!.atMs) continue;
    const { node: name } = action.fault;
    clock.after(atMs + NOTICED_MS - clock.monotonicMs(), () =>
      truth.check(() => {
        const node = truth.all<corev1.Node>('minions').find((each) => nameOf(each) === name);
        const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
        if (ready === 'True') throw new Broken(`${name} has been silent for ${NOTICED_MS / 1000} s and is thought to be well`);
      }),
    );
  }
}
