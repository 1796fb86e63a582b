// A real etcd for tests: the program from TIPHYS_PEERS or from the path, on free ports of the loopback, with its data in a
// folder that is removed at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 20;

function findEtcd(): string | undefined {
  const { TIPHYS_PEERS, PATH = '' } = process.env;
  const folders = [...(TIPHYS_PEERS ? [TIPHYS_PEERS] : []), ...PATH.split(delimiter)];
  return folders.map((folder) => join(folder, 'etcd')).find((path) => existsSync(path));
}

/** A reason to skip, or false. */
export const skipWithoutEtcd = (): string | false =>
  findEtcd() ? false : 'there is no etcd: TIPHYS_PEERS is not set, and none is on the path';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export interface EtcdProcess {
  endpoint: string;
  /** Kills it without warning; `start` brings it back with its data. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** It runs, and answers nothing. */
  pause(): void;
  resume(): void;
  /** The one it made for itself, with the flag --auto-tls. */
  certificate(): Promise<string>;
  remove(): Promise<void>;
}

/** Where a member runs: its address, and words to put before its command. */
export interface EtcdPlace {
  address: string;
  words: readonly string[];
}

const HERE: EtcdPlace = { address: '127.0.0.1', words: [] };

/** A cluster of so many members, each started with the given flags. Resolves when all of them serve. */
export async function startEtcd(
  members = 1,
  flags: readonly string[] = [],
  scheme = 'http',
  places: readonly EtcdPlace[] = [],
): Promise<EtcdProcess[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-etcd-'));
  const ports = await Promise.all(Array.from({ length: 2 * members }, freePort));
  const placeOf = (i: number) => places[i] ?? HERE;
  const peerUrl = (i: number) => `http://${placeOf(i).address}:${ports[2 * i + 1]}`;
  const cluster = Array.from({ length: members }, (_, i) => `m${i}=${peerUrl(i)}`).join(',');
  const all = Array.from({ length: members }, (_, i) => {
    const endpoint = `${scheme}://${placeOf(i).address}:${ports[2 * i]}`;
    const data = join(folder, `m${i}`);
    const own = ['--name', `m${i}`, '--data-dir', data, '--initial-cluster', cluster, '--log-level', 'error'];
    const client = ['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint];
    const peer = ['--listen-peer-urls', peerUrl(i), '--initial-advertise-peer-urls', peerUrl(i)];
    return member(endpoint, data, [...placeOf(i).words, findEtcd()!, ...own, ...client, ...peer, ...flags]);
  });
  await Promise.all(all.map((one) => one.start()));
  return all;
}

async function whenThere(path: string): Promise<string> {
  for (;;) {
    if (existsSync(path) && readFileSync(path, 'utf8').includes('END')) return readFileSync(path, 'utf8');
    await delay(LOOK_AGAIN_MS);
  }
}

function member(endpoint: string, data: string, [program, ...words]: readonly string[]): EtcdProcess {
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  const start = async () => {
    child = spawn(program!, words, { stdio: 'ignore', env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch } });
    await once(child, 'spawn');
  };
  return {
    endpoint,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    certificate: () => whenThere(join(data, 'fixtures', 'client', 'cert.pem')),
    remove: async () => {
      await kill();
      rmSync(data, { recursive: true, force: true });
      if (existsSync(dirname(data)) && readdirSync(dirname(data)).length === 0) rmSync(dirname(data), { recursive: true });
    },
  };
}
