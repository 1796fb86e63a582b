// How fast pods that wait get their nodes: API server and scheduler, no nodes and no controllers. The same nodes and pods for our
// scheduler on our server and for kube-scheduler on kube-apiserver, and every placement checked by a filter of its own.
// Goals: SchedulingBasic ≥ 20×, the five slowest affinity workloads ≥ 50×. All cases take about ten minutes.
// Run: node bench/scheduler.ts [--nodes 5000] [--share 1] [--only CASE,…] [--own]     with TIPHYS_PEERS for upstream's programs
import { parseArgs } from 'node:util';
import { report } from './measure.ts';
import { CASES, type Case } from './scheduler/cases.ts';
import { own, upstream } from './scheduler/sides.ts';
import { LIMIT_SECONDS, type Outcome } from './scheduler/timed.ts';

const { values } = parseArgs({
  args: process.argv.slice(process.argv[2] === 'scheduler' ? 3 : 2),
  options: {
    nodes: { type: 'string', default: '5000' },
    /** Of the pods, for a quick look. */
    share: { type: 'string', default: '1' },
    only: { type: 'string' },
    /** Ours alone, and no file is written. */
    own: { type: 'boolean', default: false },
  },
});
const nodes = Number(values.nodes);
const share = Number(values.share);
const peers = values.own ? undefined : process.env.TIPHYS_PEERS;
if (!peers) console.log('without upstream: TIPHYS_PEERS is not set, or --own was given');

const rate = ({ podsPerSecond, bound, waiting }: Outcome) =>
  `${podsPerSecond.toFixed(0)}${bound < waiting ? ` (${bound} of ${waiting} pods in ${LIMIT_SECONDS} s)` : ''}`;

async function row(name: string, given: Case): Promise<string> {
  const one = { ...given, placed: Math.round(given.placed * share), waiting: Math.round(given.waiting * share) };
  // Ours, theirs, ours: the second time on compiled code, as a server that runs for long is; both are shown.
  const first = await own(nodes, one);
  const theirs = peers ? await upstream(peers, nodes, one) : undefined;
  const second = await own(nodes, one);
  const ratios = [first, second].map(({ podsPerSecond }) => (theirs ? podsPerSecond / theirs.podsPerSecond : 0));
  const judged = one.goal && theirs ? ` ${ratios[1]! >= one.goal ? 'met' : '**missed**'}` : '';
  const cells = [
    name,
    `${one.placed} + ${one.waiting}`,
    `${rate(first)} / ${rate(second)}`,
    theirs ? rate(theirs) : '-',
    theirs ? ratios.map((ratio) => `${ratio.toFixed(0)}×`).join(' / ') : '-',
    one.goal ? `≥ ${one.goal}×${judged}` : '',
    `${first.milliseconds.toFixed(2)} / ${second.milliseconds.toFixed(2)}`,
    theirs ? theirs.milliseconds.toFixed(2) : '-',
    [first, second, theirs].map((side) => side?.firstSeconds.toFixed(1) ?? '-').join(' / '),
  ];
  return `| ${cells.join(' | ')} |`;
}

const header = [
  'case',
  'pods placed + waiting',
  'Tiphys, pods/s',
  'upstream, pods/s',
  'ratio',
  'goal',
  'Tiphys: CPU ms a pod',
  'upstream: CPU ms a pod',
  'seconds to the first pod',
];
const rows: string[] = [];
for (const name of values.only?.split(',') ?? Object.keys(CASES)) {
  rows.push(await row(name, CASES[name]!));
  console.log(rows.at(-1));
}
// A quick look is no result.
if (peers && share === 1) {
  report('scheduler', 'Pods that wait get their nodes', [
    `${nodes} nodes; workloads and counts of upstream's scheduler_perf. Ours is shown in two runs of one process: its first with code that is`,
    'still being compiled, and the second, which the goal is about. Rates are from the first pod bound to the last; CPU is of API server, store',
    'and scheduler together, their start included. Every placement was checked.',
    '',
    `| ${header.join(' | ')} |`,
    `|${'---|'.repeat(header.length)}`,
    ...rows,
  ]);
}
