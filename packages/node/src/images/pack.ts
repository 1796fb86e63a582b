// Packs files into an OCI image without Docker or a registry: a base that containerd has (or nothing), one layer on top.
import { spawn } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type { CriClient } from '../cri/client.ts';
import { ctrPath, type ImageTarget, importArchive } from './import.ts';
import { digestOf, type ImageConfiguration, type Layer, type LayerFile, layerOf, ociArchive } from './oci-image.ts';
import { withDefaultTag } from './reference.ts';
import { sharedLibraries } from './shared-libraries.ts';

export interface PackOptions {
  name: string;
  /** An image that containerd has, or `scratch`. */
  base: string;
  copies: readonly { source: string; destination: string }[];
  entrypoint?: readonly string[];
  command?: readonly string[];
  /** `NAME=value`. */
  environment?: readonly string[];
  user?: string;
  workingDirectory?: string;
  /** Adds the shared libraries of copied programs. */
  withLibraries?: boolean;
}

interface Base {
  configuration: ImageConfiguration;
  layers: Layer[];
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const architecture = (): string => (arch() === 'x64' ? 'amd64' : arch());
const inImage = (path: string) => path.replace(/^\/+/, '').replace(/\/+$/, '');

async function filesOf(source: string, destination: string): Promise<LayerFile[]> {
  const facts = await lstat(source);
  const mode = facts.mode & 0o7777;
  if (facts.isSymbolicLink()) return [{ path: destination, type: 'symlink', mode: 0o777, target: await readlink(source) }];
  if (facts.isFile()) return [{ path: destination, type: 'file', mode, content: await readFile(source) }];
  if (!facts.isDirectory()) throw new Error(`${source} is neither a file nor a folder`);
  const below = await Promise.all((await readdir(source)).sort().map((name) => filesOf(join(source, name), join(destination, name))));
  return [...(destination === '' ? [] : [{ path: destination, type: 'directory' as const, mode }]), ...below.flat()];
}

async function copiedFiles({ copies, withLibraries }: PackOptions): Promise<LayerFile[]> {
  const files = new Map<string, LayerFile>();
  for (const { source, destination } of copies) {
    const facts = await stat(source).catch(() => undefined);
    if (!facts) throw new Error(`${source}: no such file or directory`);
    const into = destination.endsWith('/') && facts.isFile() ? join(destination, basename(source)) : destination;
    // A link that is named is meant as what it leads to; links inside folders stay links.
    const copied = facts.isFile()
      ? [{ path: inImage(into), type: 'file' as const, mode: facts.mode & 0o7777, content: await readFile(source) }]
      : await filesOf(resolve(source), inImage(into));
    for (const file of copied) files.set(file.path, file);
    if (!withLibraries || !facts.isFile()) continue;
    for (const [path, real] of await sharedLibraries(source)) {
      files.set(inImage(path), { path: inImage(path), type: 'file', mode: 0o755, content: await readFile(real) });
    }
  }
  return [...files.values()];
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number>((done, reject) => {
    child.once('error', reject);
    child.once('close', (status) => done(status ?? 1));
  });
  if (code !== 0) throw new Error(errors.trim() || `${program} ended with ${code}`);
}

interface Descriptor {
  mediaType: string;
  digest: string;
  platform?: { architecture?: string; os?: string };
}

/** The base's parts, out of an archive that containerd exports. */
async function readBase(target: ImageTarget, name: string): Promise<Base> {
  const scratch = await mkdtemp(join(tmpdir(), 'tiphys-pack-'));
  try {
    const archive = join(scratch, 'base.tar');
    const platform = `linux/${architecture()}`;
    await run(ctrPath(target), [
      '--address',
      target.socket,
      '--namespace',
      'k8s.io',
      'images',
      'export',
      '--platform',
      platform,
      archive,
      name,
    ]);
    await run('tar', ['-C', scratch, '-xf', archive]);
    const blob = (digest: string) => readFile(join(scratch, 'blobs', ...digest.split(':')));
    const json = async <T>(digest: string) => JSON.parse((await blob(digest)).toString('utf8')) as T;
    let { manifests } = JSON.parse(await readFile(join(scratch, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
    while (/index|manifest\.list/.test(manifests[0]!.mediaType)) {
      const list = (await json<{ manifests: Descriptor[] }>(manifests[0]!.digest)).manifests;
      manifests = list.filter((entry) => !entry.platform || entry.platform.architecture === architecture());
    }
    const manifest = await json<{ config: Descriptor; layers: Descriptor[] }>(manifests[0]!.digest);
    const { config = {} } = await json<{ config?: ImageConfiguration }>(manifest.config.digest);
    const layers = await Promise.all(
      manifest.layers.map(async ({ digest, mediaType }): Promise<Layer> => {
        const bytes = await blob(digest);
        const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
        const oci = `application/vnd.oci.image.layer.v1.tar${zipped ? '+gzip' : ''}`;
        return {
          blob: bytes,
          mediaType: mediaType.includes('zstd') ? mediaType : oci,
          diffId: digestOf(zipped ? gunzipSync(bytes) : bytes),
        };
      }),
    );
    return { configuration: config, layers };
  } catch (error) {
    throw new Error(`the base image ${name} can't be read: ${(error as Error).message}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function mergedEnvironment(base: readonly string[], own: readonly string[]): string[] {
  const nameOf = (entry: string) => entry.split('=')[0]!;
  const replaced = new Set(own.map(nameOf));
  return [...base.filter((entry) => !replaced.has(nameOf(entry))), ...own];
}

/** The image as an OCI archive. `target` is needed for bases other than scratch. */
export async function packArchive(options: PackOptions, target?: ImageTarget): Promise<Buffer> {
  const scratch = options.base === 'scratch';
  if (!scratch && !target) throw new Error(`the base image ${options.base} needs a running cluster with containers`);
  const base: Base = scratch
    ? { configuration: { Env: [DEFAULT_PATH] }, layers: [] }
    : await readBase(target!, withDefaultTag(options.base));
  const files = await copiedFiles(options);
  const { entrypoint, command, user, workingDirectory } = options;
  const configuration: ImageConfiguration = {
    ...base.configuration,
    Env: mergedEnvironment(base.configuration.Env ?? [], options.environment ?? []),
    // A new entrypoint makes the base's arguments meaningless, as in Dockerfiles.
    ...(entrypoint ? { Entrypoint: [...entrypoint], Cmd: command ? [...command] : [] } : command ? { Cmd: [...command] } : {}),
    ...(user === undefined ? {} : { User: user }),
    ...(workingDirectory === undefined ? {} : { WorkingDir: workingDirectory }),
  };
  const layers = files.length > 0 ? [...base.layers, await layerOf(files)] : base.layers;
  return ociArchive({ name: withDefaultTag(options.name), architecture: architecture(), configuration, layers });
}

/** Packs and loads; answers the names that containerd knows the image by. */
export async function packImage(target: ImageTarget, options: PackOptions): Promise<string[]> {
  return importArchive(target, Readable.from([await packArchive(options, target)]));
}

export interface ListedImage {
  names: string[];
  id: string;
  sizeBytes: number;
}

export async function listImages(cri: CriClient): Promise<ListedImage[]> {
  const images = await cri.listImages();
  return images.map(({ id = '', repoTags = [], repoDigests = [], size = 0 }) => ({
    id,
    names: repoTags.length > 0 ? repoTags : repoDigests,
    sizeBytes: size,
  }));
}
