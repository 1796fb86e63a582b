// Runs cluster-program.ts and speaks to it over HTTPS, as any other program would.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import type { ClusterOptions } from '../start-cluster.ts';

export const CLUSTER_PROGRAM = fileURLToPath(new URL('./cluster-program.ts', import.meta.url));
const COMPLAINT_CHARACTERS_MAX = 20_000;

export type ProcessOptions = Pick<
  ClusterOptions,
  | 'directory'
  | 'runtime'
  | 'port'
  | 'kubeletPort'
  | 'nodes'
  | 'host'
  | 'podCidr'
  | 'serviceCidr'
  | 'nodeName'
  | 'etcd'
  | 'advertiseAddress'
  | 'shutdownDelaySeconds'
>;

export interface ClusterProcess {
  pid: number;
  url: string;
  kubeconfig: string;
  client: Client;
  /** What it wrote to its log, the newest part. */
  log(): string;
  /** SIGKILL: it learns nothing of it. */
  kill(): Promise<void>;
  /** As `tiphys up` ends by Ctrl-C. */
  stop(): Promise<void>;
}

/** The program ended before the cluster was ready. */
export class StartFailed extends Error {
  override name = 'StartFailed';
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

export interface Starting {
  pid: number;
  /** Rejects with StartFailed and its last words. */
  ready: Promise<ClusterProcess>;
  kill(): Promise<void>;
}

export interface Invocation {
  /** They come before the command, and must lead to it in the same process. */
  words?: readonly string[];
  /** A bundle of the program. */
  program?: string;
  env?: NodeJS.ProcessEnv;
}

/** Begins a start, so that it can be killed in the middle. */
export function beginClusterProcess(
  options: ProcessOptions,
  { words = [], program = CLUSTER_PROGRAM, env = process.env }: Invocation = {},
): Starting {
  const [first, ...rest] = [...words, process.execPath, program, JSON.stringify(options)];
  const child = spawn(first!, rest, { stdio: ['pipe', 'pipe', 'pipe'], env });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-COMPLAINT_CHARACTERS_MAX);
  });
  let client: Client | undefined;
  const finish = async (signal: NodeJS.Signals) => {
    await end(child, signal);
    await client?.close();
  };
  const ready = new Promise<ClusterProcess>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => {
      const { url, kubeconfig } = JSON.parse(line) as { url: string; kubeconfig: string };
      client = clientFromKubeconfig({ path: kubeconfig });
      resolve({ pid: child.pid!, url, kubeconfig, client, log: () => log, kill: () => finish('SIGKILL'), stop: () => finish('SIGTERM') });
    });
    child.once('close', (code, signal) => reject(new StartFailed(`the cluster ended with ${signal ?? code}:\n${log}`)));
  });
  ready.catch(() => undefined);
  return { pid: child.pid!, ready, kill: () => finish('SIGKILL') };
}

export function startClusterProcess(options: ProcessOptions): Promise<ClusterProcess> {
  return beginClusterProcess(options).ready;
}

/** A port that was free a moment ago, for what must keep its port over several starts. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
