// Objects from files, folders and standard input (cli-runtime resource/visitor.go).
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { apiVersionOf, type KubeObject, parseManifest, pathOf } from '@tiphys/api';
import { type Command, Option } from 'commander';
import { CommandError, type Terminal } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { collect, type Session } from './session.ts';

export interface FileFlags {
  filename?: string[];
  recursive?: boolean;
}

export interface Manifest {
  object: KubeObject;
  source: string;
}

/** A manifest with its resource and namespace. */
export interface Item extends Manifest {
  resource: ApiResource;
  namespace?: string;
  name: string;
  /** Path of the object, and of its collection. */
  path: string;
  collection: string;
}

const EXTENSIONS = new Set(['.json', '.yaml', '.yml']);
const STDIN_BYTES_MAX = 64 * 1024 * 1024;

export function withFiles(command: Command, what: string): Command {
  return command
    .addOption(new Option('-f, --filename <file>', `file, folder or - for standard input ${what}; may be repeated`).argParser(collect))
    .option('-R, --recursive', 'with a folder, the folders in it as well');
}

function filesIn(path: string, recursive: boolean): string[] {
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const full = join(path, entry.name);
      if (statSync(full).isDirectory()) return recursive ? filesIn(full, true) : [];
      return EXTENSIONS.has(extname(entry.name)) ? [full] : [];
    });
}

async function standardInput(terminal: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > STDIN_BYTES_MAX) throw new CommandError(`standard input holds more than ${STDIN_BYTES_MAX} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function objectsOf(text: string, source: string): Manifest[] {
  let objects: KubeObject[];
  try {
    objects = parseManifest(text);
  } catch (error) {
    throw new CommandError(`error parsing ${source}: ${(error as Error).message}`);
  }
  for (const object of objects) {
    if (typeof object !== 'object')
      throw new CommandError(`error parsing ${source}: it holds ${JSON.stringify(object)} where an object should be`);
    const missing = (['apiVersion', 'kind'] as const).filter((field) => !object[field]).map((field) => `${field} not set`);
    if (missing.length === 0) continue;
    const what = missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`;
    throw new CommandError(
      `error validating ${JSON.stringify(source)}: error validating data: ${what}; if you choose to ignore these errors, turn validation off with --validate=false`,
    );
  }
  return objects.map((object) => ({ object, source }));
}

/** Every object of the files, in order. */
export async function readManifests(flags: FileFlags, terminal: Terminal): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const name of flags.filename ?? []) {
    if (name === '-') {
      manifests.push(...objectsOf(await standardInput(terminal), 'STDIN'));
      continue;
    }
    if (/^https?:\/\//.test(name)) throw new CommandError(`${name}: files are not downloaded; fetch it and name the file`);
    const path = resolve(terminal.workingFolder, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (!facts) throw new CommandError(`the path ${JSON.stringify(name)} does not exist`);
    const files = facts.isDirectory() ? filesIn(path, flags.recursive ?? false) : [path];
    if (files.length === 0) throw new CommandError(`error reading [${name}]: recognized file extensions are [.json .yaml .yml]`);
    for (const file of files) manifests.push(...objectsOf(readFileSync(file, 'utf8'), facts.isDirectory() ? file : name));
  }
  return manifests;
}

function namespaceOf(session: Session, object: KubeObject, resource: ApiResource): string | undefined {
  if (!resource.namespaced) return undefined;
  const own = object.metadata?.namespace;
  if (own && session.namespaceGiven && own !== session.namespace)
    throw new CommandError(
      `the namespace from the provided object ${JSON.stringify(own)} does not match the namespace ${JSON.stringify(session.namespace)}. You must pass '--namespace=${own}' to perform this operation.`,
    );
  return own || session.namespace;
}

/** Finds the resource of a manifest's kind on the server. */
export async function itemOf(session: Session, { object, source }: Manifest): Promise<Item> {
  const { apiVersion = '', kind = '', metadata } = object;
  const name = metadata?.name ?? '';
  const resource = (await session.discovery()).ofKind(apiVersion, kind);
  if (!resource)
    throw new CommandError(
      `resource mapping not found for name: ${JSON.stringify(name)} namespace: ${JSON.stringify(metadata?.namespace ?? '')} from ${JSON.stringify(source)}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}\nensure CRDs are installed first`,
    );
  const namespace = namespaceOf(session, object, resource);
  const placed: KubeObject = namespace ? { ...object, metadata: { ...metadata, namespace } } : object;
  return {
    object: { ...placed, apiVersion: apiVersionOf(resource), kind },
    source,
    resource,
    name,
    path: pathOf(resource, namespace, name),
    collection: pathOf(resource, namespace),
    ...(namespace ? { namespace } : {}),
  };
}
