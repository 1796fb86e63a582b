// How other commands of the same machine speak to a running cluster about its state: HTTP on a socket in the data folder, which
// only the folder's owner can open. Backups and restores do not go through the API, since they are below it.
import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Retryable } from '@tiphys/std';
import { ConfigurationError } from '../configuration.ts';
import type { DataFolder } from '../data-folder.ts';
import type { ServerParcel } from '../join/server-parcel.ts';
import { backupOf, type Restored, type RestoreOptions, restore, type State } from './backup.ts';
import { decodeBackup } from './format.ts';

export interface Controlled extends State {
  /** Throws ConfigurationError where there can be no further server. */
  parcel(): ServerParcel;
}

/** A socket's path has room for 107 bytes. */
const SOCKET_PATH_MAX = 100;

function socketPath({ path }: DataFolder): string {
  const inFolder = join(path, 'control.sock');
  if (inFolder.length <= SOCKET_PATH_MAX) return inFolder;
  return join(tmpdir(), `tiphys-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`);
}

async function answer(state: Controlled, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(message.url ?? '/', 'http://control');
  if (message.method === 'GET' && url.pathname === '/backup') return pipeline(backupOf(state), response);
  if (message.method === 'GET' && url.pathname === '/server-parcel') return void response.end(JSON.stringify(state.parcel()));
  if (message.method !== 'POST' || url.pathname !== '/restore') return void response.writeHead(404).end();
  const fileName = url.searchParams.get('file') ?? 'the backup';
  const backup = await decodeBackup(message, fileName);
  const restored = await restore(state, backup, { fileName, replaceCluster: url.searchParams.has('replaceCluster') });
  response.end(JSON.stringify(restored));
}

/** Answers until it is closed. */
export async function serveControl(
  folder: DataFolder,
  state: Controlled,
  onError: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(folder);
  rmSync(path, { force: true });
  const server = createServer((message, response) => {
    answer(state, message, response).catch((error) => {
      const isExpected = error instanceof ConfigurationError || error instanceof Retryable;
      if (!isExpected) onError(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(isExpected ? 409 : 500).end(error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    close: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      rmSync(path, { force: true });
    },
  };
}

function ask(folder: DataFolder, method: string, path: string, body?: AsyncIterable<Uint8Array>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketPath(folder), method, path }, resolve);
    asked.on('error', (cause) =>
      reject(new ConfigurationError(`the cluster in ${folder.path} can't be asked: ${cause.message}`, { cause })),
    );
    if (body) pipeline(body, asked).catch(reject);
    else asked.end();
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function refused(message: IncomingMessage): Promise<never> {
  const text = await textOf(message);
  throw message.statusCode === 409 ? new ConfigurationError(text) : new Error(text);
}

/** What a further server of the cluster that runs on the folder needs, keys included. */
export async function askParcel(folder: DataFolder): Promise<ServerParcel> {
  const message = await ask(folder, 'GET', '/server-parcel');
  if (message.statusCode !== 200) await refused(message);
  return JSON.parse(await textOf(message));
}

/** The bytes of a backup of the cluster that runs on the folder. */
export async function* askBackup(folder: DataFolder): AsyncGenerator<Uint8Array> {
  const message = await ask(folder, 'GET', '/backup');
  if (message.statusCode !== 200) await refused(message);
  yield* message as AsyncIterable<Buffer>;
}

/** Lets the cluster that runs on the folder become what the backup holds. */
export async function askRestore(folder: DataFolder, bytes: AsyncIterable<Uint8Array>, options: RestoreOptions): Promise<Restored> {
  const query = new URLSearchParams({ file: options.fileName, ...(options.replaceCluster ? { replaceCluster: '' } : {}) });
  const message = await ask(folder, 'POST', `/restore?${query}`, bytes);
  if (message.statusCode !== 200) await refused(message);
  return JSON.parse(await textOf(message));
}
