// Starts upstream's etcd, kube-apiserver and kube-controller-manager in a scratch folder, to compare with, and ends them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fetch } from './documents.ts';

const TOKEN = 'reference';
const START_ATTEMPTS_MAX = 600;
const START_INTERVAL_MS = 100;

export interface Upstream {
  fetch: Fetch;
  stop(): Promise<void>;
}

export interface Target {
  port: number;
  /** Request options beside host, port and path. */
  tls: object;
  headers?: Record<string, string>;
}

/** Reads over HTTPS; an answer other than 200 is an error. */
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

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

async function until(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < START_ATTEMPTS_MAX; attempt++) {
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, START_INTERVAL_MS));
  }
  throw new Error(`${what} did not get ready`);
}

/** `peers`: the folder that build-peers.sh filled. */
export async function startUpstream(peers: string): Promise<Upstream> {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-upstream-'));
  const children: ChildProcess[] = [];
  const start = (program: string, ...args: string[]) => {
    const log = openSync(join(directory, `${program}.log`), 'w');
    children.push(spawn(join(peers, program), args, { cwd: directory, stdio: ['ignore', log, log] }));
  };
  const ended = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    await Promise.all(
      children.map((child) => {
        if (ended(child)) return undefined;
        const end = new Promise((resolve) => child.on('exit', resolve));
        child.kill('SIGKILL');
        return end;
      }),
    );
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [etcd, peer, port] = [await freePort(), await freePort(), await freePort()];
    const url = `http://127.0.0.1:${etcd}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    execFileSync('openssl', ['genrsa', '-out', 'sa.key', '2048'], { cwd: directory, stdio: 'ignore' });
    writeFileSync(join(directory, 'tokens.csv'), `${TOKEN},admin,admin,"system:masters"\n`);
    start(
      'etcd',
      '--data-dir=etcd',
      '--log-level=error',
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
    );
    start(
      'kube-apiserver',
      `--etcd-servers=${url}`,
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
    );
    const fetch = fetcher({ port, tls: { rejectUnauthorized: false }, headers: { authorization: `Bearer ${TOKEN}` } });
    await until('kube-apiserver', async () => (await fetch('/readyz')) === 'ok');
    const server = { name: 'r', cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } };
    const context = { name: 'r', context: { cluster: 'r', user: 'r' } };
    const kubeconfig = { apiVersion: 'v1', kind: 'Config', clusters: [server], users: [{ name: 'r', user: { token: TOKEN } }] };
    writeFileSync(join(directory, 'kubeconfig'), JSON.stringify({ ...kubeconfig, contexts: [context], 'current-context': 'r' }));
    // It fills the roles that gather others.
    start(
      'kube-controller-manager',
      '--kubeconfig=kubeconfig',
      '--leader-elect=false',
      `--secure-port=${await freePort()}`,
      '--controllers=clusterrole-aggregation-controller',
    );
    const admin = '/apis/rbac.authorization.k8s.io/v1/clusterroles/admin';
    await until('the role admin', async () => (JSON.parse(await fetch(admin)).rules ?? []).length > 0);
    return { fetch, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
