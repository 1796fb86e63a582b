// Puts a cluster's context into the user's kubeconfig and takes it out again, as kind does (pkg/cluster/internal/kubeconfig):
// nothing else is touched, and only what is ours is removed.
import { existsSync } from 'node:fs';
import { isMap } from 'yaml';
import {
  dropEntry,
  type EntryList,
  entryOf,
  type KubeconfigFile,
  putEntry,
  readKubeconfigFile,
  withLocks,
  writeKubeconfigFile,
} from './file.ts';
import { type Environment, kubeconfigPaths, loadKubeconfig } from './load.ts';
import { type KubeconfigCluster, KubeconfigError, type KubeconfigUser } from './types.ts';

interface OwnEntries {
  cluster: KubeconfigCluster;
  user: KubeconfigUser;
}

function ownEntries(path: string): OwnEntries {
  const config = loadKubeconfig({ path });
  const context = config.contexts.get(config.currentContext);
  const cluster = config.clusters.get(context?.cluster ?? '');
  const user = config.users.get(context?.user ?? '');
  if (!cluster || !user) throw new KubeconfigError(`${path} has no complete current context`);
  return { cluster, user };
}

/** Where a new entry goes: the first file that exists, else the first. */
function defaultPath(paths: readonly string[]): string {
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}

const LOOPBACK = /^https:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?(?:\/|$)/;

const field = (file: KubeconfigFile, list: EntryList, name: string, key: string): unknown => {
  const value = entryOf(file, list, name)?.get(list.slice(0, -1));
  return isMap(value) ? value.get(key) : undefined;
};

/** Merges the cluster of one kubeconfig file into the user's, under one name, and makes it the current context. */
export async function addContext(pathOfCluster: string, contextName: string, environment: Environment = process.env): Promise<void> {
  const { cluster, user } = ownEntries(pathOfCluster);
  const paths = kubeconfigPaths(environment);
  await withLocks(paths, () => {
    const files = new Map(paths.map((path) => [path, readKubeconfigFile(path)]));
    const fallback = files.get(defaultPath(paths))!;
    const ownerOf = (list: EntryList) => [...files.values()].find((file) => entryOf(file, list, contextName)) ?? fallback;
    const clusters = ownerOf('clusters');
    const server = field(clusters, 'clusters', contextName, 'server');
    if (typeof server === 'string' && server !== cluster.server && !LOOPBACK.test(server))
      throw new KubeconfigError(`${clusters.path} has a cluster "${contextName}" of its own at ${server}; it was left alone`);
    putEntry(clusters, 'clusters', contextName, cluster);
    putEntry(ownerOf('users'), 'users', contextName, user);
    putEntry(ownerOf('contexts'), 'contexts', contextName, { cluster: contextName, user: contextName });
    fallback.document.set('current-context', contextName);
    for (const file of files.values()) if (file.before !== undefined || file === fallback) writeKubeconfigFile(file);
  });
}

/** Removes what addContext() put in, when it still is this cluster's. */
export async function removeContext(contextName: string, environment: Environment, pathOfCluster: string): Promise<void> {
  if (!existsSync(pathOfCluster)) return;
  const { cluster } = ownEntries(pathOfCluster);
  const paths = kubeconfigPaths(environment).filter((path) => existsSync(path));
  await withLocks(paths, () => {
    const files = paths.map(readKubeconfigFile);
    const authority = cluster['certificate-authority-data'];
    const owner = files.find((file) => entryOf(file, 'clusters', contextName));
    if (!owner || field(owner, 'clusters', contextName, 'certificate-authority-data') !== authority) return;
    for (const file of files) {
      for (const list of ['clusters', 'users', 'contexts'] as const) dropEntry(file, list, contextName);
      if (file.document.get('current-context') === contextName) file.document.set('current-context', '');
      writeKubeconfigFile(file);
    }
  });
}
