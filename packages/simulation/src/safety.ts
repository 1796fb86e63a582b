// What must hold at every moment, whatever goes wrong. Each check looks at the truth and throws a Broken that says what it saw.
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from './broken.ts';
import { budgetHolds } from './safety/budgets.ts';
import { foregroundWaits } from './safety/deletion.ts';
import { jobsAreBounded, jobsCountOnce, type Successes } from './safety/jobs.ts';
import { ordinalsFollow } from './safety/ordinals.ts';
import { placementHolds } from './safety/placement.ts';
import { quotasHold } from './safety/quotas.ts';
import { replicasAreBounded } from './safety/replicas.ts';
import type { Story } from './story.ts';
import type { Truth, TruthEvent } from './truth.ts';

const PODS = '/registry/pods/';

/** Revisions grow by every event, and an object's uid never changes under its name without its end. */
function revisionsGrow(truth: Truth): void {
  let last = 0;
  truth.onEvent(({ revision, key, old, new: now }: TruthEvent) => {
    if (revision <= last) throw new Broken(`revision ${revision} came after ${last}`);
    last = revision;
    if (old && now && old.metadata?.uid !== now.metadata?.uid) throw new Broken(`${key} became another object without its end`);
  });
}

/** A finished pod stays finished. */
function endsAreFinal(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (!key.startsWith(PODS) || !old || !now) return;
    const [before, after] = [(old as corev1.Pod).status?.phase, (now as corev1.Pod).status?.phase];
    if ((before === 'Succeeded' || before === 'Failed') && after !== before) throw new Broken(`${key} went from ${before} to ${after}`);
  });
}

export interface Watched {
  truth: Truth;
  clock: Clock;
  story: Story;
  /** The app that has a disruption budget. */
  guarded: string;
  successes: Successes;
}

export function watchSafety({ truth, clock, story, guarded, successes }: Watched): void {
  revisionsGrow(truth);
  placementHolds(truth, clock);
  quotasHold(truth, clock);
  ordinalsFollow(truth);
  foregroundWaits(truth, clock);
  endsAreFinal(truth);
  budgetHolds(truth, guarded);
  replicasAreBounded(truth, story, clock);
  jobsAreBounded(truth);
  jobsCountOnce(truth, successes);
}
