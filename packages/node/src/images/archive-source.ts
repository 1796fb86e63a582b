// Where an image comes from, as a stream of its archive: a file (packed or not), the folder of an OCI layout, or the machine's
// Docker (`docker save`, by the Engine API's GET /images/get).
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Retryable } from '@tiphys/std';
import { withDefaultTag } from './reference.ts';

const DOCKER_HOST_DEFAULT = 'unix:///var/run/docker.sock';
const DOCKER_PREFIX = 'docker:';

const PACKERS: readonly { magic: string; unpack?: () => NodeJS.ReadWriteStream; name: string }[] = [
  { magic: '1f8b', unpack: createGunzip, name: 'gzip' },
  { magic: '28b52ffd', unpack: createZstdDecompress, name: 'zstd' },
  { magic: 'fd377a585a00', name: 'xz' },
  { magic: '425a68', name: 'bzip2' },
];
const MAGIC_BYTES_MAX = 6;

async function fileAsTar(path: string): Promise<Readable> {
  const file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES_MAX), 0, MAGIC_BYTES_MAX, 0).finally(() => file.close());
  const start = buffer.subarray(0, bytesRead).toString('hex');
  const packer = PACKERS.find(({ magic }) => start.startsWith(magic));
  const bytes = createReadStream(path);
  if (!packer) return bytes;
  if (!packer.unpack) throw new Error(`${path} is packed with ${packer.name}: unpack it first`);
  const unpacked = packer.unpack() as unknown as Readable & NodeJS.WritableStream;
  bytes.on('error', (error) => unpacked.destroy(error));
  bytes.pipe(unpacked);
  return unpacked;
}

function folderAsTar(folder: string): Readable {
  const child = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.once('error', (error) => child.stdout.destroy(error));
  return child.stdout;
}

/** Where DOCKER_HOST says that Docker listens; a program's own tunnels (ssh) are Docker's business. */
function dockerAddress(host: string): { socketPath: string } | { host: string; port: number } {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  if (host.startsWith('tcp://')) {
    const { hostname, port } = new URL(host);
    return { host: hostname, port: Number(port || 2375) };
  }
  throw new Error(`DOCKER_HOST=${host}: only unix:// and tcp:// are understood; use docker save and load the file`);
}

/** What Docker says in its answer's body. */
function complaint(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    return body;
  }
}

/** Bytes of an error's body that are read. */
const COMPLAINT_BYTES_MAX = 4096;

async function fromDocker(name: string, host: string): Promise<Readable> {
  const address = dockerAddress(host);
  return new Promise((resolve, reject) => {
    const path = `/images/get?names=${encodeURIComponent(name)}`;
    const call = request({ ...address, path, method: 'GET' }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        if (body.length < COMPLAINT_BYTES_MAX) body += text;
      });
      response.once('end', () => {
        const why = response.statusCode === 404 ? `Docker has no image ${name}` : `Docker does not give the image ${name}`;
        reject(new Retryable(`${why}: ${complaint(body).trim() || `it answered ${response.statusCode}`}`));
      });
    });
    call.once('error', (error: NodeJS.ErrnoException) => {
      const isAbsent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      const why = isAbsent ? 'no Docker runs there (DOCKER_HOST says where another one listens)' : error.message;
      reject(new Retryable(`Docker can't be reached at ${host}: ${why}`, { cause: error }));
    });
    call.end();
  });
}

/** `source` is a file, an OCI layout's folder, or `docker:NAME`. */
export async function openArchive(source: string, dockerHost = process.env.DOCKER_HOST || DOCKER_HOST_DEFAULT): Promise<Readable> {
  if (source.startsWith(DOCKER_PREFIX)) return fromDocker(withDefaultTag(source.slice(DOCKER_PREFIX.length)), dockerHost);
  const facts = await stat(source).catch(() => undefined);
  if (!facts) throw new Error(`${source}: no such file or directory`);
  return facts.isDirectory() ? folderAsTar(source) : fileAsTar(source);
}
