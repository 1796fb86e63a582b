// A real etcd for tests: the program from TIPHYS_PEERS or from the path, on free ports of the loopback, with its data in a
// folder that is removed at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

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
  remove(): Promise<void>;
}

/** A cluster of so many members, each started with the given flags. Resolves when all of them serve. */
export async function startEtcd(members = 1, flags: readonly string[] = [], scheme = 'http'): Promise<EtcdProcess[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-etcd-'));
  const ports = await Promise.all(Array.from({ length: 2 * members }, freePort));
  const peerUrl = (i: number) => `http://127.0.0.1:${ports[2 * i + 1]}`;
  const cluster = Array.from({ length: members }, (_, i) => `m${i}=${peerUrl(i)}`).join(',');
  const all = Array.from({ length: members }, (_, i) => {
    const endpoint = `${scheme}://127.0.0.1:${ports[2 * i]}`;
    const own = ['--name', `m${i}`, '--data-dir', join(folder, `m${i}`), '--initial-cluster', cluster, '--log-level', 'error'];
    const client = ['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint];
    const peer = ['--listen-peer-urls', peerUrl(i), '--initial-advertise-peer-urls', peerUrl(i)];
    return process_(endpoint, [...own, ...client, ...peer, ...flags], () =>
      rmSync(join(folder, `m${i}`), { recursive: true, force: true }),
    );
  });
  await Promise.all(all.map((member) => member.start()));
  const last = all.at(-1)!;
  const { remove } = last;
  last.remove = async () => {
    await remove();
    rmSync(folder, { recursive: true, force: true });
  };
  return all;
}

function process_(endpoint: string, flags: readonly string[], clean: () => void): EtcdProcess {
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  const start = async () => {
    child = spawn(findEtcd()!, flags, { stdio: 'ignore', env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch } });
    await once(child, 'spawn');
  };
  return {
    endpoint,
    kill,
    start,
    remove: async () => {
      await kill();
      clean();
    },
  };
}
