// Creates by very many clients at once, and with etcd behind both.
import { loadgen } from './loadgen.ts';
import type { Group, Row, Run } from './measurement.ts';
import { type Side, tiphys, tiphysOnEtcd, upstream } from './servers.ts';
import { snapshot } from './snapshot.ts';

const NAMESPACE = 'crowd';
const CROWD = 1000;
const FEW = 16;

const creates =
  (clients: number): Group['run'] =>
  async (side: Side, { peers, pods }) => {
    const { figures, serverSeconds } = await loadgen({ peers, side, namespace: NAMESPACE, only: ['create'], pods, clients });
    const run: Run = { ...Object.fromEntries(figures), cpu: ((serverSeconds.get('create') ?? 0) / pods) * 1000 };
    return { run, objects: await snapshot(side, NAMESPACE, ['pods']) };
  };

const rows = (label: string, atLeast: number, p99?: Row['goal']): Row[] => [
  { label, figure: 'create.rate', unit: '/s', goal: { atLeast } },
  { label: `${label}: p99`, figure: 'create.p99', unit: 'ms', ...(p99 ? { goal: p99 } : {}) },
  { label: `${label}: CPU of the servers for one`, figure: 'cpu', unit: 'ms', digits: 2 },
];

export const crowd: Group = {
  title: '1,000 clients',
  ours: tiphys,
  theirs: upstream,
  run: creates(CROWD),
  rows: rows('creates, 1,000 clients', 5, { atMost: 1 / 3 }),
};

export const etcd: Group = {
  title: 'etcd behind both',
  ours: tiphysOnEtcd,
  theirs: upstream,
  run: creates(FEW),
  rows: rows('the same creates with etcd behind both', 1.5),
};
