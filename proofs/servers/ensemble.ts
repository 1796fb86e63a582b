// Three servers on three members of etcd, each on a machine of its own, and what may befall one of them.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixedIdentity, type HttpsHandler, httpsHandler } from '@tiphys/client';
import { realClock } from '@tiphys/runtime';
import { type EtcdProcess, startEtcd } from '@tiphys/storage';
import { beginClusterProcess, CLUSTER_PROGRAM, type ClusterProcess } from '../../packages/cluster/src/testing/cluster-process.ts';
import { administratorOf } from '../administrator.ts';
import { bundled, compiledOnce } from '../bundled.ts';
import { type Machine, startMachines } from './machines.ts';

const MEMBERS = 3;
const SERVERS = 3;
const PORT = 6443;
/** As a load balancer would need; clients of ours notice at once. */
const SHUTDOWN_DELAY_SECONDS = 1;
/** What servers on one etcd must have in common (docs/several-servers.md). */
const SHARED_KEYS = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'service-account.key'];

/** A server, or a member of etcd. */
export interface Part {
  name: string;
  kill(): Promise<void>;
  /** Resolves when a server serves; members are waited for by servers. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  cut(): void;
  mend(): void;
  /** It answers somebody who does not wait long. */
  answers(): Promise<boolean>;
}

export interface Server extends Part {
  /** In leases. */
  identity: string;
  handler: HttpsHandler;
  /** As Ctrl-C does. */
  stop(): Promise<void>;
}

export interface Fault {
  begin(part: Part): void | Promise<void>;
  end(part: Part): void | Promise<void>;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  killed: { begin: (part) => part.kill(), end: (part) => part.start() },
  paused: { begin: (part) => part.pause(), end: (part) => part.resume() },
  'cut off': { begin: (part) => part.cut(), end: (part) => part.mend() },
};

export interface Ensemble {
  members: readonly (Part & { endpoint: string })[];
  servers: readonly Server[];
  close(): Promise<void>;
}

/** Far more than an answer takes, and nothing to wait for. */
const SILENT_MS = 1000;

const memberOf = (etcd: EtcdProcess, machine: Machine, i: number): Part & { endpoint: string } => ({
  name: `member ${i}`,
  endpoint: etcd.endpoint,
  kill: etcd.kill,
  start: etcd.start,
  pause: etcd.pause,
  resume: etcd.resume,
  cut: machine.cut,
  mend: machine.mend,
  // On a connection that may be of before, for what is cut off while it speaks.
  answers: () =>
    fetch(`${etcd.endpoint}/version`, { signal: AbortSignal.timeout(SILENT_MS) }).then(
      ({ ok }) => ok,
      () => false,
    ),
});

/** Resolves when it serves. */
async function startServer(directory: string, machine: Machine, etcd: string, i: number): Promise<Server> {
  const { address, words } = machine;
  const options = { directory, etcd, runtime: 'none', port: PORT, host: '0.0.0.0', advertiseAddress: address } as const;
  let running: ClusterProcess;
  const start = async () => {
    const invocation = { words, program: bundled(CLUSTER_PROGRAM), env: compiledOnce };
    running = await beginClusterProcess({ ...options, shutdownDelaySeconds: SHUTDOWN_DELAY_SECONDS }, invocation).ready;
  };
  await start();
  const { certificateAuthority, certificate, key } = administratorOf(join(directory, 'kubeconfig'));
  const credentials = fixedIdentity({ certificate: { certificate, key } });
  const handler = httpsHandler({ server: `https://${address}:${PORT}`, clock: realClock(), certificateAuthority, credentials });
  const answers = () => {
    const signal = AbortSignal.timeout(SILENT_MS);
    return handler.handle({ method: 'GET', url: '/livez', headers: {}, signal }).then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  return {
    name: `server ${i}`,
    identity: readFileSync(join(directory, 'server-id'), 'utf8').trim(),
    handler,
    answers,
    start,
    kill: () => running.kill(),
    stop: () => running.stop(),
    pause: () => void process.kill(running.pid, 'SIGSTOP'),
    resume: () => void process.kill(running.pid, 'SIGCONT'),
    cut: machine.cut,
    mend: machine.mend,
  };
}

/** In a process whose network is a switch (machines.ts). */
export async function startEnsemble(): Promise<Ensemble> {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-servers-'));
  const { machines, end } = await startMachines(MEMBERS + SERVERS);
  const processes = await startEtcd(MEMBERS, [], 'http', machines);
  const members = processes.map((process, i) => memberOf(process, machines[i]!, i));
  const endpoints = members.map(({ endpoint }) => endpoint).join(',');
  const servers: Server[] = [];
  for (let i = 0; i < SERVERS; i++) {
    const directory = join(folder, `server-${i}`);
    if (i > 0) {
      mkdirSync(join(directory, 'pki'), { recursive: true });
      for (const name of SHARED_KEYS) cpSync(join(folder, 'server-0', 'pki', name), join(directory, 'pki', name));
    }
    servers.push(await startServer(directory, machines[MEMBERS + i]!, endpoints, i));
  }
  const close = async () => {
    for (const { handler, kill } of servers) {
      await kill();
      await handler.close();
    }
    for (const process of processes) await process.remove();
    end();
    rmSync(folder, { recursive: true });
  };
  return { members, servers, close };
}
