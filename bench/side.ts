// Side by side: upstream's control plane and ours on the same machine, fresh data each, in the order A B B A, with the same generators.
// npm run bench -- side [--only requests,crowd] [--rounds 5] [--directory DIR]; DIR is on the disk that is to be measured.
// A group's results replace its former ones; the others stay, each with its commit.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle, root } from './measure.ts';
import { crowd, etcd } from './side/crowd.ts';
import { heartbeats } from './side/heartbeats.ts';
import { selectors, slowReaders } from './side/large-lists.ts';
import type { Group, Run, Scale } from './side/measurement.ts';
import { generatorSeconds } from './side/meter.ts';
import { requests } from './side/requests.ts';
import { schedule } from './side/schedule.ts';
import { type Start, usedSeconds } from './side/servers.ts';
import { assertSame, type Snapshot } from './side/snapshot.ts';
import { type Round, table } from './side/table.ts';
import { fanOut, watchRestarts } from './side/watches.ts';

const GROUPS: Record<string, Group> = { requests, crowd, etcd, selectors, slowReaders, fanOut, watchRestarts, heartbeats, schedule };
const count = { type: 'string' } as const;
const { values } = parseArgs({
  args: process.argv.slice(process.argv[2] === 'side' ? 3 : 2),
  options: {
    only: count,
    rounds: { ...count, default: '5' },
    directory: { ...count, default: tmpdir() },
    pods: { ...count, default: '5000' },
    objects: { ...count, default: '100000' },
    megabytes: { ...count, default: '200' },
    watchers: { ...count, default: '5000' },
    changes: { ...count, default: '50000' },
    leases: { ...count, default: '20000' },
    /** Prints, and leaves the results as they are. */
    dry: { type: 'boolean', default: false },
    bundle: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

interface Result {
  commit: string;
  /** How busy the machine was before and after. */
  load: string;
  scale: Omit<Scale, 'peers'>;
  /** The generator's share of all CPU, in percent. */
  generatorPercent: number;
  comparedObjects?: number;
  rounds: Round[];
}

const RESULTS = join(root, 'bench/results/side-by-side.json');
const PAGE = join(root, 'bench/results/side-by-side.md');
const peers = process.env.TIPHYS_PEERS;
if (!peers) throw new Error('TIPHYS_PEERS names no folder with the programs of upstream');

const scale: Scale = {
  peers,
  pods: Number(values.pods),
  objects: Number(values.objects),
  listMegabytes: Number(values.megabytes),
  watchers: Number(values.watchers),
  changes: Number(values.changes),
  leases: Number(values.leases),
};

interface One {
  run: Run;
  objects?: Snapshot;
  serverSeconds: number;
}

async function once(group: Group, start: Start): Promise<One> {
  const side = await start({ peers: scale.peers, parent: values.directory });
  try {
    const before = usedSeconds(side);
    const result = await group.run(side, scale);
    return { ...result, serverSeconds: usedSeconds(side) - before };
  } finally {
    await side.stop();
  }
}

async function measure(name: string, group: Group): Promise<Result> {
  const rounds: Round[] = [];
  let compared: number | undefined;
  let servers = 0;
  const generator = generatorSeconds();
  const loadBefore = loadavg()[0]!.toFixed(1);
  for (let index = 0; index < Math.min(Number(values.rounds), group.roundsMax ?? Number.POSITIVE_INFINITY); index++) {
    const oursFirst = index % 2 === 1;
    const first = await once(group, oursFirst ? group.ours : group.theirs);
    const second = await once(group, oursFirst ? group.theirs : group.ours);
    const [ours, theirs] = oursFirst ? [first, second] : [second, first];
    servers += ours.serverSeconds + theirs.serverSeconds;
    rounds.push({ ours: ours.run, theirs: theirs.run });
    console.log(`${name}, round ${index + 1}\n${table(group, [rounds.at(-1)!]).join('\n')}`);
    if (ours.objects && theirs.objects) compared = assertSame(ours.objects, theirs.objects);
  }
  const used = generatorSeconds() - generator;
  const { peers: _, ...counts } = scale;
  return {
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    load: `${loadBefore} before, ${loadavg()[0]!.toFixed(1)} after`,
    scale: counts,
    generatorPercent: Math.round((used / (used + servers)) * 100),
    ...(compared === undefined ? {} : { comparedObjects: compared }),
    rounds,
  };
}

function section(group: Group, result: Result): string[] {
  const { commit, load, scale: counts, generatorPercent, comparedObjects, rounds } = result;
  const sizes = `${counts.pods} pods, ${counts.objects} objects, ${counts.listMegabytes} MB a list, ${counts.watchers} watchers, ${counts.changes} changes, ${counts.leases} leases`;
  const compared = comparedObjects === undefined ? '' : ` After every round both servers held the same ${comparedObjects} objects.`;
  return [
    `## ${group.title[0]!.toUpperCase()}${group.title.slice(1)}`,
    '',
    `Commit ${commit}, ${rounds.length} rounds, load of the machine ${load} (2 means full). Sizes: ${sizes}. The generator took ${generatorPercent} % of the CPU.${compared}`,
    '',
    ...table(group, rounds),
    '',
  ];
}

function page(results: Record<string, Result>): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const sections = Object.entries(GROUPS).flatMap(([name, group]) => (results[name] ? section(group, results[name]) : []));
  const lead = [
    '# Tiphys beside kube-apiserver',
    '',
    `Whole control planes on one machine (${machine}), one after the other on fresh data: kube-apiserver v1.36.3 with etcd, controller`,
    'manager and scheduler; Tiphys as the npm package runs it. TLS, HTTP/2, RBAC, admission and fsync are on for both. Figures are medians',
    "(least–most) over the rounds; a ratio is the median of the rounds' pairs. Where the machine was busy with other work, times and rates say",
    'less than CPU seconds do.',
    '',
  ];
  return [...lead, ...sections].join('\n');
}

if (values.bundle) bundle();
for (const name of values.only?.split(',') ?? Object.keys(GROUPS)) {
  const group = GROUPS[name];
  if (!group) throw new Error(`no group ${name}; there are ${Object.keys(GROUPS).join(', ')}`);
  const result = await measure(name, group);
  if (values.dry) continue;
  const results = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, Result>) : {};
  results[name] = result;
  writeFileSync(RESULTS, `${JSON.stringify(results)}\n`);
  writeFileSync(PAGE, page(results));
}
