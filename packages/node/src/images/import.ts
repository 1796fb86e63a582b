// Brings images into containerd: archives of docker save, OCI archives and folders, images of a Docker daemon, and our own
// sandbox image. Unpacking is containerd's business; its own `ctr`, which every package of containerd carries, does it.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Retryable } from '@tiphys/std';
import { SANDBOX_IMAGE } from '../containerd/configuration.ts';
import type { CriClient } from '../cri/client.ts';
import { layerOf, ociArchive } from './oci-image.ts';
import { pauseProgram } from './pause-program.ts';
import { fullName } from './reference.ts';

/** What an import needs to know about containerd. */
export interface ImageTarget {
  socket: string;
  /** containerd's own program, when it isn't the one in PATH; `ctr` lies beside it. */
  binary?: string;
  snapshotter: string;
  majorVersion: number;
}

const CRI_NAMESPACE = 'k8s.io';
const DOCKER_SOCKET = '/var/run/docker.sock';

export function ctrPath(target: ImageTarget): string {
  return target.binary?.includes('/') ? join(dirname(target.binary), 'ctr') : 'ctr';
}

/** Runs containerd's own client; rejects with what it complained of. */
export async function ctr(target: ImageTarget, args: readonly string[]): Promise<void> {
  const child = spawn(ctrPath(target), ['--address', target.socket, '--namespace', CRI_NAMESPACE, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  if (code !== 0) throw new Retryable(`ctr ${args.join(' ')}: ${errors.trim()}`);
}

/** Pods name images in short; CRI looks for the full name, so that is the one an image is kept under. */
async function nameInFull(target: ImageTarget, name: string): Promise<string> {
  const full = fullName(name);
  if (full === name) return name;
  await ctr(target, ['images', 'tag', '--force', name, full]);
  await ctr(target, ['images', 'remove', name]);
  return full;
}

/** Full names of the images that were imported. */
export async function importArchive(target: ImageTarget, archive: Readable): Promise<string[]> {
  const local = target.majorVersion >= 2 ? ['--local'] : [];
  const args = [
    '--address',
    target.socket,
    '--namespace',
    CRI_NAMESPACE,
    'images',
    'import',
    ...local,
    '--snapshotter',
    target.snapshotter,
    '-',
  ];
  const child = spawn(ctrPath(target), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(new Retryable(`ctr can't be started: ${error.message}`, { cause: error })));
    child.once('close', (code) => resolve(code ?? 1));
  });
  const fed = pipeline(archive, child.stdin).catch((error: NodeJS.ErrnoException) => error);
  const code = await exited;
  const feedError = await fed;
  if (code !== 0) throw new Retryable(`the image can't be imported: ${errors.trim() || `ctr ended with ${code}`}`);
  if (feedError && feedError.code !== 'EPIPE') throw feedError;
  const names: string[] = [];
  for (const match of output.matchAll(/^unpacking (\S+)/gm)) names.push(await nameInFull(target, match[1]!));
  return names;
}

function folderAsTar(folder: string): Readable {
  const child = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return child.stdout;
}

/** `docker save NAME`, by the daemon's HTTP interface. */
async function fromDocker(name: string, socket: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, path: `/images/${encodeURIComponent(name)}/get`, method: 'GET' }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.resume();
      reject(
        new Retryable(
          response.statusCode === 404 ? `Docker has no image ${name}` : `Docker answered ${response.statusCode} for image ${name}`,
        ),
      );
    });
    call.once('error', (error) => reject(new Retryable(`Docker can't be reached at ${socket}: ${error.message}`, { cause: error })));
    call.end();
  });
}

/** `source` is a file, an OCI layout's folder, or `docker:NAME`. */
export async function loadImage(target: ImageTarget, source: string, dockerSocket = DOCKER_SOCKET): Promise<string[]> {
  if (source.startsWith('docker:')) return importArchive(target, await fromDocker(source.slice('docker:'.length), dockerSocket));
  const facts = await stat(source).catch(() => undefined);
  if (!facts) throw new Error(`${source}: no such file or directory`);
  return importArchive(target, facts.isDirectory() ? folderAsTar(source) : createReadStream(source));
}

const SANDBOX_SEEN_ATTEMPTS_MAX = 100;
const SANDBOX_SEEN_MS = 20;

/** Makes and imports the sandbox image unless containerd has it. */
export async function ensureSandboxImage(target: ImageTarget, cri: CriClient, sleep: (ms: number) => Promise<void>): Promise<void> {
  if (await cri.imageStatus(SANDBOX_IMAGE)) return;
  const architecture = arch() === 'arm64' ? 'arm64' : 'amd64';
  const layer = await layerOf([{ path: 'pause', type: 'file', mode: 0o755, content: pauseProgram(architecture) }]);
  const configuration = { Entrypoint: ['/pause'], Env: ['PATH=/'], WorkingDir: '/', User: '65535:65535' };
  const archive = await ociArchive({ name: SANDBOX_IMAGE, architecture, configuration, layers: [layer] });
  await importArchive(target, Readable.from([archive]));
  // CRI learns of images from containerd's events, a moment later.
  for (let attempt = 0; attempt < SANDBOX_SEEN_ATTEMPTS_MAX; attempt++) {
    if (await cri.imageStatus(SANDBOX_IMAGE)) return;
    await sleep(SANDBOX_SEEN_MS);
  }
  throw new Retryable(`containerd does not list ${SANDBOX_IMAGE} after its import`);
}
