// Pods from nothing to bound: loadgen adds simulated nodes, creates the pods and watches until each has its node.
import { loadgen } from './loadgen.ts';
import type { Group, Scale } from './measurement.ts';
import { type Side, tiphys, upstream } from './servers.ts';

async function scheduled(side: Side, { peers, pods }: Scale) {
  const { figures, serverSeconds } = await loadgen({ peers, side, namespace: 'schedule', only: ['schedule'], pods });
  return { run: { ...Object.fromEntries(figures), 'schedule.cpu': ((serverSeconds.get('schedule') ?? 0) / pods) * 1000 } };
}

export const schedule: Group = {
  title: 'pods created and bound, on 1,000 nodes',
  ours: tiphys,
  theirs: upstream,
  run: scheduled,
  rows: [
    { label: 'pods created and bound', figure: 'schedule.bound', unit: 'pods/s', goal: { atLeast: 10 } },
    { label: 'pods created meanwhile', figure: 'schedule.create', unit: 'pods/s' },
    { label: 'CPU of the servers for one pod', figure: 'schedule.cpu', unit: 'ms', digits: 2, goal: { atMost: 1 / 10 } },
  ],
};
