// Brings images into containerd: archives of docker save, OCI archives and folders, images of a Docker daemon, and our own
// sandbox image. Unpacking is containerd's business; its own `ctr`, which every package of containerd carries, does it.
import { spawn } from 'node:child_process';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Retryable } from '@tiphys/std';
import { SANDBOX_IMAGE } from '../containerd/configuration.ts';
import type { CriClient } from '../cri/client.ts';
import { openArchive } from './archive-source.ts';
import { layerOf, ociArchive } from './oci-image.ts';
import { pauseProgram } from './pause-program.ts';
import { fullName, withDefaultTag } from './reference.ts';

/** What an import needs to know about containerd. */
export interface ImageTarget {
  socket: string;
  /** containerd's own program, when it isn't the one in PATH; `ctr` lies beside it. */
  binary?: string;
  snapshotter: string;
  majorVersion: number;
}

const CRI_NAMESPACE = 'k8s.io';

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

/** ctr's words for what is no image, in a person's. */
function complaintOf(errors: string, code: number): string {
  // Warnings about the machine come before it.
  const said = /^ctr: (.*)$/m.exec(errors)?.[1] ?? (errors.trim() || `ctr ended with ${code}`);
  return /invalid tar header|unrecognized image format|unexpected EOF/.test(said)
    ? `this is no image, or not all of one: docker save, podman save, an OCI layout or tiphys image pack -o make them (${said})`
    : `the image can't be imported: ${said}`;
}

/** Full names of the images that were imported. `name` is one for the archive as a whole, which has a single image then. */
export async function importArchive(target: ImageTarget, archive: Readable, name?: string): Promise<string[]> {
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
    ...(name === undefined ? [] : ['--index-name', name]),
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
  if (feedError && feedError.code !== 'EPIPE') throw feedError;
  if (code !== 0) throw new Retryable(complaintOf(errors, code));
  const names: string[] = [];
  for (const match of output.matchAll(/^unpacking (\S+)/gm)) names.push(await nameInFull(target, match[1]!));
  return names;
}

/** How ctr calls an image that only has a tag: by the day. */
const NAMELESS = /(^|\/)import-\d{4}-\d{2}-\d{2}[:@]/;

export interface LoadOptions {
  /** What a single image is called, whatever its archive says. */
  name?: string;
  /** Where Docker listens, as DOCKER_HOST has it. */
  dockerHost?: string;
}

/** `source` is a file, an OCI layout's folder, or `docker:NAME`. Full names of the images that are there now. */
export async function loadImage(target: ImageTarget, source: string, { name, dockerHost }: LoadOptions = {}): Promise<string[]> {
  const wanted = name === undefined ? undefined : fullName(withDefaultTag(name));
  const names = await importArchive(target, await openArchive(source, dockerHost), wanted).catch((error) => {
    throw new Error(`${source}: ${error.message}`, { cause: error });
  });
  for (const found of names.filter((one) => NAMELESS.test(one))) await ctr(target, ['images', 'remove', found]);
  const named = names.filter((found) => !NAMELESS.test(found));
  if (named.length === 0) throw new Error(`${source} does not say what its image is called: name it with --name`);
  return named;
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
