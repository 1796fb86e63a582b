// The servers that histories are made on: the API server with its verbs and caches over each store, asked in process or over HTTPS.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpsHandler } from '@tiphys/client';
import type { ApiHandler } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { type Clock, type Runtime, realClock, realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { type EtcdProcess, etcdStore, memoryStore, type Store, skipWithoutEtcd, sqliteStore, startEtcd } from '@tiphys/storage';

/** Bookmarks of every minute come every few hundredths of a second. */
const HASTE = 2000;
const HASTE_HTTPS = 20;
const CONNECTIONS = 4;

const pem = (name: string) => readFileSync(new URL(`../../packages/server/src/testdata/${name}.pem`, import.meta.url));

export interface Running {
  handlers: ApiHandler[];
  /** The newest revision that is forgotten by now. */
  compacted(): number;
  close(): Promise<void>;
}

export interface Kind {
  name: string;
  skip?(): string | false;
  start(decorate?: (store: Store) => Store): Promise<Running>;
}

/** Timers of the server, not of the store, are over so many times sooner. */
function hasty(haste: number): Runtime {
  const runtime = realRuntime();
  const { clock } = runtime;
  const faster: Clock = {
    ...clock,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after: (ms, callback) => clock.after(ms / haste, callback),
  };
  return { ...runtime, clock: faster };
}

/** Over HTTPS everybody is known, since the connections of strangers are not kept. */
const authenticators = [{ authenticate: async () => ({ name: 'client', groups: [] }) }];

const serve = (store: Store, haste: number) =>
  createApiServer({ runtime: hasty(haste), store, definitions: builtinDefinitions(), authenticators });

async function inProcess(stores: readonly Store[], removeStore = async () => {}): Promise<Running> {
  const servers = stores.map((store) => serve(store, HASTE));
  await Promise.all(servers.map(({ ready }) => ready));
  const close = async () => {
    for (const server of servers) await server.close();
    for (const store of stores) await store[Symbol.asyncDispose]();
    await removeStore();
  };
  return { handlers: servers, compacted: () => Math.max(...stores.map(({ compactedRevision }) => compactedRevision)), close };
}

async function overHttps(decorate: (store: Store) => Store): Promise<Running> {
  const store = decorate(memoryStore());
  const api = serve(store, HASTE_HTTPS);
  await api.ready;
  const listening = await api.listen({ port: 0, host: '127.0.0.1', tls: { key: pem('server.key'), cert: pem('server.cert') } });
  const server = `https://127.0.0.1:${listening.port}`;
  const handlers = Array.from({ length: CONNECTIONS }, () => httpsHandler({ server, clock: realClock(), insecureSkipVerify: true }));
  const close = async () => {
    for (const handler of handlers) await handler.close();
    await api.close();
    await store[Symbol.asyncDispose]();
  };
  return { handlers, compacted: () => store.compactedRevision, close };
}

async function onSqlite(decorate: (store: Store) => Store): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-history-'));
  return inProcess([decorate(sqliteStore(join(folder, 'state.db')))], async () => rmSync(folder, { recursive: true }));
}

let etcd: Promise<EtcdProcess[]> | undefined;
let prefixes = 0;

/** Two servers on one etcd, whose clients and watchers are mixed. */
async function onEtcd(): Promise<Running> {
  etcd ??= startEtcd(3);
  const endpoints = (await etcd).map(({ endpoint }) => endpoint);
  const prefix = `/proof/${process.pid}/${prefixes++}`;
  const open = () => etcdStore({ runtime: realRuntime(), endpoints, prefix });
  return inProcess([await open(), await open()]);
}

export async function removeEtcd(): Promise<void> {
  for (const member of (await etcd) ?? []) await member.remove();
  etcd = undefined;
}

const same = (store: Store) => store;

export const KINDS: readonly Kind[] = [
  { name: 'memory', start: (decorate = same) => inProcess([decorate(memoryStore())]) },
  { name: 'sqlite', start: (decorate = same) => onSqlite(decorate) },
  { name: 'https', start: (decorate = same) => overHttps(decorate) },
  { name: 'etcd', skip: skipWithoutEtcd, start: onEtcd },
];
