// Reads kubeconfig files and merges them as upstream does: the first to name a cluster, user or context wins, and the
// first current-context that is set (client-go tools/clientcmd/loader.go).
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { parse } from 'yaml';
import { type Kubeconfig, type KubeconfigCluster, KubeconfigError, type KubeconfigUser } from './types.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface NamedEntries {
  clusters?: { name: string; cluster?: object }[] | null;
  users?: { name: string; user?: object }[] | null;
  contexts?: { name: string; context?: object }[] | null;
  'current-context'?: string;
}

export const homeKubeconfig = (environment: Environment): string => join(environment.HOME || homedir(), '.kube', 'config');

/** The files that count, first one first: $KUBECONFIG's list, else the one in the home folder. */
export function kubeconfigPaths(environment: Environment): string[] {
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  return listed.length > 0 ? [...new Set(listed)] : [homeKubeconfig(environment)];
}

function readEntries(path: string, text: string): NamedEntries {
  const fail = (why: string) => new KubeconfigError(`error loading config file "${path}": ${why}`);
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw fail((error as Error).message);
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document)) throw fail('it holds no Config object');
  const config = document as NamedEntries & { kind?: string; apiVersion?: string };
  if (config.kind !== undefined && config.kind !== 'Config')
    throw fail(`no kind "${config.kind}" is registered for version "${config.apiVersion ?? 'v1'}"`);
  for (const list of ['clusters', 'users', 'contexts'] as const) {
    const entries = config[list];
    if (entries === undefined || entries === null) continue;
    if (!Array.isArray(entries) || entries.some((entry) => typeof entry?.name !== 'string'))
      throw fail(`${list} must be a list of named entries`);
  }
  return config;
}

const resolved = (base: string, path: string | undefined) => (path ? resolve(base, path) : path);

function withFiles<T extends object>(entry: T, base: string, keys: readonly (keyof T)[]): T {
  const complete = { ...entry };
  for (const key of keys) if (complete[key]) complete[key] = resolved(base, complete[key] as string) as T[typeof key];
  return complete;
}

function userWithFiles(user: KubeconfigUser, base: string): KubeconfigUser {
  const complete = withFiles(user, base, ['client-certificate', 'client-key', 'tokenFile']);
  // A command without a slash is looked for in $PATH.
  if (complete.exec?.command?.includes(sep)) complete.exec = { ...complete.exec, command: resolve(base, complete.exec.command) };
  return complete;
}

const emptyKubeconfig = (): Kubeconfig => ({ currentContext: '', clusters: new Map(), users: new Map(), contexts: new Map(), files: [] });

function mergeFile(config: Kubeconfig, path: string, text: string): void {
  const entries = readEntries(path, text);
  const base = dirname(resolve(path));
  const add = <T>(into: Map<string, T>, name: string, value: T) => {
    if (!into.has(name)) into.set(name, value);
  };
  for (const { name, cluster } of entries.clusters ?? [])
    add(config.clusters, name, withFiles((cluster ?? {}) as KubeconfigCluster, base, ['certificate-authority']));
  for (const { name, user } of entries.users ?? []) add(config.users, name, userWithFiles((user ?? {}) as KubeconfigUser, base));
  for (const { name, context } of entries.contexts ?? []) add(config.contexts, name, (context ?? {}) as object);
  config.currentContext ||= entries['current-context'] ?? '';
  config.files.push(path);
}

/** With a path, that file alone, which must exist; else what the environment names, where missing files don't matter. */
export function loadKubeconfig(options: { path?: string; environment?: Environment } = {}): Kubeconfig {
  const { path, environment = process.env } = options;
  const config = emptyKubeconfig();
  for (const candidate of path ? [path] : kubeconfigPaths(environment)) {
    let text: string;
    try {
      text = readFileSync(candidate, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && !path) continue;
      if (code === 'ENOENT') throw new KubeconfigError(`stat ${candidate}: no such file or directory`);
      throw new KubeconfigError(`error loading config file "${candidate}": ${message}`);
    }
    mergeFile(config, candidate, text);
  }
  return config;
}
