// Where a cluster's objects are: a SQLite file in its data folder, or an etcd that several servers may share. The folder
// remembers which, so that nobody starts an empty cluster where a full one was meant.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '@tiphys/runtime';
import { type EtcdStoreOptions, etcdStore, type Store, StoreFileError, sqliteStore } from '@tiphys/storage';
import { type ClusterConfiguration, ConfigurationError, etcdEndpoints } from './configuration.ts';
import { type DataFolder, writeFileAtomically } from './data-folder.ts';

/** What the folder remembers of an etcd. */
interface KnownEtcd {
  /** In hexadecimal, as etcdctl shows it. */
  clusterId: string;
  prefix: string;
}

/** Their messages are for people. */
const EXPECTED = new Set(['EtcdError', 'OtherEtcdError', 'StoreFileError']);

const knownFile = (folder: DataFolder) => join(folder.path, 'etcd.json');

function knownEtcd(folder: DataFolder): KnownEtcd | undefined {
  const path = knownFile(folder);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as KnownEtcd;
  } catch (cause) {
    throw new ConfigurationError(`${path} can't be read: ${(cause as Error).message}`, { cause });
  }
}

export function sqliteIn(folder: DataFolder): Store {
  try {
    return sqliteStore(folder.database);
  } catch (error) {
    throw error instanceof StoreFileError ? new ConfigurationError(error.message, { cause: error }) : error;
  }
}

function textOf(field: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(`${field}: ${(cause as Error).message}`, { cause });
  }
}

/** Reads the files that the configuration names. Throws ConfigurationError. */
function connectionOf(configuration: ClusterConfiguration): Omit<EtcdStoreOptions, 'runtime' | 'clusterId'> {
  const { etcdPrefix, etcdUser, etcdAuthorityFile, etcdCertificateFile, etcdKeyFile, etcdPasswordFile } = configuration;
  const authorityPem = textOf('etcdAuthorityFile', etcdAuthorityFile);
  const certificatePem = textOf('etcdCertificateFile', etcdCertificateFile);
  const keyPem = textOf('etcdKeyFile', etcdKeyFile);
  const password = textOf('etcdPasswordFile', etcdPasswordFile)?.trimEnd();
  return {
    endpoints: etcdEndpoints(configuration),
    prefix: etcdPrefix,
    ...(etcdUser ? { username: etcdUser } : {}),
    ...(password === undefined ? {} : { password }),
    ...(authorityPem ? { authorityPem } : {}),
    ...(certificatePem ? { certificatePem } : {}),
    ...(keyPem ? { keyPem } : {}),
  };
}

async function openEtcd(folder: DataFolder | undefined, configuration: ClusterConfiguration, runtime: Runtime): Promise<Store> {
  const known = folder && knownEtcd(folder);
  const { etcdPrefix: prefix } = configuration;
  if (known && known.prefix !== prefix) {
    throw new ConfigurationError(`etcdPrefix: this folder's cluster is under ${known.prefix} in etcd, not under ${prefix}`);
  }
  try {
    const connection = connectionOf(configuration);
    const store = await etcdStore({ runtime, ...connection, ...(known ? { clusterId: known.clusterId } : {}) });
    if (folder && !known)
      writeFileAtomically(knownFile(folder), JSON.stringify({ clusterId: store.client.clusterId, prefix }), 0o600, true);
    return store;
  } catch (error) {
    throw error instanceof Error && EXPECTED.has(error.name) ? new ConfigurationError(error.message, { cause: error }) : error;
  }
}

/** Rejects with ConfigurationError when the state can't be had; nothing was changed then. */
export async function openStateStore(
  folder: DataFolder | undefined,
  configuration: ClusterConfiguration,
  runtime: Runtime,
): Promise<Store> {
  if (configuration.etcd) return openEtcd(folder, configuration, runtime);
  if (folder && knownEtcd(folder)) {
    throw new ConfigurationError(
      `the state of the cluster in ${folder.path} is in etcd: say where with --etcd, or take another folder with --data-dir`,
    );
  }
  return sqliteIn(folder!);
}
