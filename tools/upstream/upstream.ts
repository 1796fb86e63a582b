// Upstream's control plane on free ports of this machine, to be compared with: etcd and kube-apiserver, and on demand
// kube-controller-manager and kube-scheduler. RBAC and the default admission are on, as in a cluster.
import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { join } from 'node:path';
import { freePort, type Programs, programs } from './programs.ts';

const TOKEN = 'reference';

/** The body at a path; an answer other than 200 is an error. */
export type Fetch = (path: string, accept?: string) => Promise<string>;

export interface Target {
  port: number;
  /** Request options beside host, port and path. */
  tls: object;
  headers?: Record<string, string>;
}

export function fetcher({ port, tls, headers }: Target): Fetch {
  return (path, accept = 'application/json') =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers: { ...headers, accept }, ...tls }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`${path} answered ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      });
      sent.on('error', reject);
      sent.end();
    });
}

export interface UpstreamOptions {
  /** The folder that build-peers.sh filled. */
  peers: string;
  /** Where their state is made; default the system's folder for temporary files. */
  parent?: string;
  apiServerFlags?: readonly string[];
  /** More lines of the static token file. */
  tokens?: readonly string[];
}

export interface Upstream {
  /** Such as `https://127.0.0.1:6443`. */
  url: string;
  port: number;
  /** Bearer token of a member of system:masters. */
  token: string;
  /** Path of a kubeconfig with that token. */
  kubeconfig: string;
  etcdUrl: string;
  fetch: Fetch;
  pids(): number[];
  /** Such as `*`, or the names that --controllers takes. Resolves once the program is started. */
  startControllers(names: string, flags?: readonly string[]): Promise<void>;
  /** `configuration`: a KubeSchedulerConfiguration; its clientConnection is filled in. Resolves when it is healthy. */
  startScheduler(configuration?: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves with its URL as soon as the program is started. */
export async function startEtcd(all: Programs): Promise<string> {
  const [client, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  all.start('etcd', [
    '--data-dir=etcd',
    '--log-level=error',
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ]);
  return url;
}

async function startApiServer(all: Programs, etcdUrl: string, flags: readonly string[], tokens: readonly string[]): Promise<number> {
  const port = await freePort();
  execFileSync('openssl', ['genrsa', '-out', 'sa.key', '2048'], { cwd: all.directory, stdio: 'ignore' });
  all.write('tokens.csv', [`${TOKEN},admin,admin,"system:masters"`, ...tokens, ''].join('\n'));
  all.start('kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    '--cert-dir=certs',
    '--service-cluster-ip-range=10.96.0.0/12',
    '--service-account-key-file=sa.key',
    '--service-account-signing-key-file=sa.key',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--authorization-mode=Node,RBAC',
    '--token-auth-file=tokens.csv',
    '--allow-privileged=true',
    ...flags,
  ]);
  return port;
}

function writeKubeconfig(all: Programs, url: string): string {
  const cluster = { name: 'r', cluster: { server: url, 'insecure-skip-tls-verify': true } };
  const context = { name: 'r', context: { cluster: 'r', user: 'r' } };
  const users = [{ name: 'r', user: { token: TOKEN } }];
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', clusters: [cluster], users, contexts: [context], 'current-context': 'r' };
  all.write('kubeconfig', JSON.stringify(kubeconfig));
  return join(all.directory, 'kubeconfig');
}

export async function startUpstream({ peers, parent, apiServerFlags = [], tokens = [] }: UpstreamOptions): Promise<Upstream> {
  const all = programs(peers, parent);
  try {
    const etcdUrl = await startEtcd(all);
    const port = await startApiServer(all, etcdUrl, apiServerFlags, tokens);
    const url = `https://127.0.0.1:${port}`;
    const fetch = fetcher({ port, tls: { rejectUnauthorized: false }, headers: { authorization: `Bearer ${TOKEN}` } });
    await all.until('kube-apiserver', 'kube-apiserver', async () => (await fetch('/readyz')) === 'ok');
    const kubeconfig = writeKubeconfig(all, url);
    return {
      url,
      port,
      token: TOKEN,
      kubeconfig,
      etcdUrl,
      fetch,
      pids: all.pids,
      startControllers: async (names, flags = []) => {
        const own = ['--kubeconfig=kubeconfig', '--leader-elect=false', `--secure-port=${await freePort()}`, `--controllers=${names}`];
        all.start('kube-controller-manager', [...own, ...flags]);
      },
      startScheduler: async (configuration = {}) => {
        const healthPort = await freePort();
        const document = {
          apiVersion: 'kubescheduler.config.k8s.io/v1',
          kind: 'KubeSchedulerConfiguration',
          leaderElection: { leaderElect: false },
          ...configuration,
          clientConnection: { ...(configuration.clientConnection as object), kubeconfig },
        };
        all.write('scheduler.json', JSON.stringify(document));
        all.start('kube-scheduler', ['--config=scheduler.json', `--secure-port=${healthPort}`]);
        const healthy = fetcher({ port: healthPort, tls: { rejectUnauthorized: false } });
        await all.until('kube-scheduler', 'kube-scheduler', async () => (await healthy('/healthz')) === 'ok');
      },
      stop: all.stop,
    };
  } catch (error) {
    await all.stop();
    throw error;
  }
}
