// The two control planes that are measured, whole, on fresh data on one disk: upstream's kube-apiserver with etcd, controller manager
// and scheduler, and ours as the npm package runs it. Both know the same static tokens; RBAC, admission, TLS, HTTP/2 and fsync are on.
import { dirname, join } from 'node:path';
import { freePort, type Programs, programs } from '../../tools/upstream/programs.ts';
import { fetcher, startEtcd, startUpstream } from '../../tools/upstream/upstream.ts';
import { cpuSeconds, root } from '../measure.ts';
import { grant, TOKEN } from './access.ts';

const ADMIN = 'reference';
const POLL_MS = 10;
const POLLS_MAX = 12_000;

export interface Side {
  name: string;
  url: string;
  port: number;
  /** Of a user whom RBAC lets do what the measurements do. */
  token: string;
  pids: number[];
  /** The first of its processes leaves CPU profiles. */
  isProfiled?: boolean;
  /** Seconds from nothing to /readyz, and to the default service account. */
  readySeconds: number;
  accountSeconds: number;
  stop(): Promise<void>;
}

export type Start = (options: { peers: string; parent: string }) => Promise<Side>;

/** Of all processes of one side. */
export const usedSeconds = ({ pids }: Side): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);

const fetchAs = (port: number, token: string) =>
  fetcher({ port, tls: { rejectUnauthorized: false }, headers: { authorization: `Bearer ${token}` } });

async function until(what: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    if (await what().catch(() => false)) return;
    await new Promise((settle) => setTimeout(settle, POLL_MS));
  }
  throw new Error('a server did not get ready');
}

const hasAccount = (port: number) => {
  const fetch = fetchAs(port, ADMIN);
  return () => fetch('/api/v1/namespaces/default/serviceaccounts/default').then(() => true);
};

const CONTROLLER_FLAGS = [
  '--service-account-private-key-file=sa.key',
  '--use-service-account-credentials=true',
  '--kube-api-qps=5000',
  '--kube-api-burst=5000',
];

export const upstream: Start = async ({ peers, parent }) => {
  const startMs = performance.now();
  const server = await startUpstream({ peers, parent, tokens: [`${TOKEN},bench,bench`] });
  try {
    const readySeconds = (performance.now() - startMs) / 1000;
    await server.startControllers('*', CONTROLLER_FLAGS);
    await until(hasAccount(server.port));
    const accountSeconds = (performance.now() - startMs) / 1000;
    await server.startScheduler({ clientConnection: { qps: 5000, burst: 10_000 } });
    await grant(server.port, ADMIN);
    const { url, port, stop } = server;
    return { name: 'upstream', url, port, token: TOKEN, pids: server.pids(), readySeconds, accountSeconds, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
};

/** What the npm package starts: the bundle on this Node, with the environment that `tiphys up --detach` gives it. */
function startBundle(all: Programs, configuration: object): void {
  all.write('cluster.json', JSON.stringify({ apiVersion: 'tiphys.dev/v1alpha1', kind: 'ClusterConfiguration', ...configuration }));
  all.write('tokens.csv', `${ADMIN},admin,admin,"system:masters"\n${TOKEN},bench,bench\n`);
  const flags = ['--config', 'cluster.json', '--data-dir', 'data', '--no-user-kubeconfig'];
  all.start('env', ['MALLOC_ARENA_MAX=1', process.execPath, ...profileFlags(), join(root, 'dist/tiphys.mjs'), 'up', ...flags]);
}

/** With BENCH_PROFILE set to a folder, our server leaves CPU profiles there: of its start, and of each of loadgen's measurements. */
const profileFlags = (): string[] => (process.env.BENCH_PROFILE ? ['--import', join(root, 'bench/side/profiler.ts')] : []);

/** A stretch of work is over; what comes now is another profile's. */
export function cutProfile({ pids, isProfiled }: Side): void {
  if (isProfiled) process.kill(pids[0]!, 'SIGUSR2');
}

function ours(name: string, prepare: (all: Programs) => Promise<object>): Start {
  return async ({ peers, parent }) => {
    const startMs = performance.now();
    // `env` replaces itself by the program it starts.
    const all = programs('/usr/bin', parent);
    const etcds = programs(peers, dirname(all.directory));
    const stop = async () => {
      await all.stop();
      await etcds.stop();
    };
    try {
      const port = await freePort();
      startBundle(all, { runtime: 'none', port, tokenFile: join(all.directory, 'tokens.csv'), ...(await prepare(etcds)) });
      const fetch = fetchAs(port, ADMIN);
      await until(async () => (await fetch('/readyz')) === 'ok');
      const readySeconds = (performance.now() - startMs) / 1000;
      await until(hasAccount(port));
      const accountSeconds = (performance.now() - startMs) / 1000;
      await grant(port, ADMIN);
      const pids = [...all.pids(), ...etcds.pids()];
      const isProfiled = profileFlags().length > 0;
      return { name, url: `https://127.0.0.1:${port}`, port, token: TOKEN, pids, isProfiled, readySeconds, accountSeconds, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  };
}

export const tiphys = ours('Tiphys', async () => ({}));
export const tiphysOnEtcd = ours('Tiphys on etcd', async (etcds) => ({ etcd: await startEtcd(etcds) }));
