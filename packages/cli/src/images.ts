// The work of `tiphys image`. Images go straight into the cluster's own containerd.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { runningOn } from '@tiphys/cluster';
import { alignedText } from '@tiphys/machinery';
import {
  containerdPaths,
  criClient,
  type ImageTarget,
  listImages,
  loadImage,
  type PackOptions,
  packArchive,
  packImage,
} from '@tiphys/node';
import { realClock } from '@tiphys/runtime';
import { existingFolder } from './data-dir.ts';
import { CommandError, progress, type Terminal } from './terminal.ts';

interface FolderOptions {
  dataDir?: string;
}

export interface LoadFlags extends FolderOptions {
  name?: string;
}

export interface PackFlags extends FolderOptions {
  base: string;
  copy?: string[];
  withLibraries?: boolean;
  entrypoint?: string[];
  cmd?: string[];
  env?: string[];
  user?: string;
  workdir?: string;
  output?: string;
}

/** The cluster's containerd, as its own configuration describes it. */
async function imageTarget(options: FolderOptions, terminal: Terminal): Promise<ImageTarget> {
  const folder = await existingFolder(options, terminal);
  const paths = containerdPaths(folder.nodeFolder);
  if (!runningOn(folder)) throw new CommandError(`the cluster in ${folder.path} does not run. Start it with: tiphys up`);
  if (!existsSync(paths.socket) || !existsSync(paths.configuration))
    throw new CommandError(`the cluster in ${folder.path} runs no real containers: its simulated nodes need no images`);
  const configuration = readFileSync(paths.configuration, 'utf8');
  return {
    socket: paths.socket,
    snapshotter: /^\s*snapshotter = "(\w+)"/m.exec(configuration)?.[1] ?? 'overlayfs',
    majorVersion: /^version = 3/m.test(configuration) ? 2 : 1,
  };
}

/** What is wrong with a source is the person's to know, not a bug. */
async function explained<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: Error) => {
    throw new CommandError(error.message);
  });
}

export async function runLoad(sources: readonly string[], options: LoadFlags, terminal: Terminal): Promise<void> {
  if (options.name !== undefined && sources.length > 1)
    throw new CommandError('--name is for a single image, and several sources are named');
  const target = await imageTarget(options, terminal);
  const named = options.name === undefined ? {} : { name: options.name };
  const { step } = progress(terminal);
  for (const source of sources) {
    step(`Loading ${source}`);
    const place = source.startsWith('docker:') ? source : resolve(terminal.workingFolder, source);
    for (const name of await explained(loadImage(target, place, named))) terminal.out(`${name}\n`);
  }
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)}${UNITS[unit]}`;
}

/** `name` and `tag`; what is named by its digest has no tag. */
function nameAndTag(name: string): [string, string] {
  const digest = name.indexOf('@');
  if (digest >= 0) return [name.slice(0, digest), '<none>'];
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? [name.slice(0, colon), name.slice(colon + 1)] : [name, '<none>'];
}

export async function runList(options: FolderOptions & { output?: string }, terminal: Terminal): Promise<void> {
  const { output } = options;
  if (output && output !== 'json' && output !== 'name')
    throw new CommandError(`unknown output format ${JSON.stringify(output)}: json and name are known`);
  const cri = criClient((await imageTarget(options, terminal)).socket, realClock());
  try {
    const images = (await listImages(cri)).sort((a, b) => ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1));
    if (output === 'json') terminal.out(`${JSON.stringify(images, null, 2)}\n`);
    else if (output === 'name') terminal.out(images.flatMap(({ names }) => names.map((name) => `${name}\n`)).join(''));
    else {
      const lines = images.flatMap(({ names, id, sizeBytes }) =>
        (names.length > 0 ? names : ['<none>']).map((name) => [
          ...nameAndTag(name),
          id.replace('sha256:', '').slice(0, 13),
          sizeText(sizeBytes),
        ]),
      );
      terminal.out(alignedText([['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'], ...lines]));
    }
  } finally {
    cri.close();
  }
}

/** Words given one by one, or one JSON array. */
function wordsOf(words: readonly string[] | undefined, flag: string): string[] | undefined {
  if (words?.length !== 1 || !words[0]!.startsWith('[')) return words ? [...words] : undefined;
  try {
    const parsed: unknown = JSON.parse(words[0]!);
    if (Array.isArray(parsed) && parsed.every((word) => typeof word === 'string')) return parsed;
  } catch {
    // Told below.
  }
  throw new CommandError(`${flag} ${words[0]} is not a JSON array of texts`);
}

function copyOf(text: string, terminal: Terminal): { source: string; destination: string } {
  const colon = text.lastIndexOf(':');
  const [source, destination] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon <= 0 || !isAbsolute(destination)) throw new CommandError(`--copy ${text}: must be SRC:DST with an absolute DST`);
  return { source: resolve(terminal.workingFolder, source), destination };
}

function packOptions(name: string, flags: PackFlags, terminal: Terminal): PackOptions {
  const entrypoint = wordsOf(flags.entrypoint, '--entrypoint');
  const command = wordsOf(flags.cmd, '--cmd');
  for (const entry of flags.env ?? []) if (!entry.includes('=')) throw new CommandError(`--env ${entry}: must be NAME=VALUE`);
  return {
    name,
    base: flags.base,
    copies: (flags.copy ?? []).map((text) => copyOf(text, terminal)),
    environment: flags.env ?? [],
    withLibraries: flags.withLibraries ?? false,
    ...(entrypoint ? { entrypoint } : {}),
    ...(command ? { command } : {}),
    ...(flags.user ? { user: flags.user } : {}),
    ...(flags.workdir ? { workingDirectory: flags.workdir } : {}),
  };
}

export async function runPack(name: string, flags: PackFlags, terminal: Terminal): Promise<void> {
  const options = packOptions(name, flags, terminal);
  if (flags.output) {
    const target = flags.base === 'scratch' ? undefined : await imageTarget(flags, terminal);
    writeFileSync(resolve(terminal.workingFolder, flags.output), await explained(packArchive(options, target)));
    terminal.out(`${flags.output}\n`);
    return;
  }
  const target = await imageTarget(flags, terminal);
  progress(terminal).step(`Packing ${name}`);
  for (const loaded of await explained(packImage(target, options))) terminal.out(`${loaded}\n`);
}
