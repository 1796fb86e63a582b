// joinServer(): this machine becomes a server of a cluster that keeps its state in an etcd (kubeadm join --control-plane). With a token it
// gets keys and configuration of those that are there; from then on it is a server as the others are.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corev1 } from '@tiphys/api';
import { type Runtime, realClock, realRandom, silentLogger } from '@tiphys/runtime';
import { stringify } from 'yaml';
import {
  type ClusterConfiguration,
  CONFIGURATION_API_VERSION,
  CONFIGURATION_KIND,
  ConfigurationError,
  completeConfiguration,
  parseConfiguration,
} from '../configuration.ts';
import { type DataFolder, dataFolder, folderKeyFiles, isDataFolder, openDataFolder, writeFileAtomically } from '../data-folder.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../start-cluster.ts';
import { SHARED_CONFIGURATION } from './cluster-side.ts';
import { discoverAuthority } from './discovery.ts';
import { joinedServerFile, refuseCluster, refuseJoined } from './joined-folder.ts';
import { localAddress, serverUrl, withToken } from './server-connection.ts';
import type { ServerParcel } from './server-parcel.ts';
import { fetchParcel } from './server-token.ts';
import { isServerToken, type JoinToken, parseToken } from './token.ts';

export interface JoinServerOptions extends Pick<ClusterOptions, 'log' | 'onStep' | 'onDone'> {
  directory: string;
  /** Such as https://192.0.2.1:6443; both are needed the first time only. */
  server?: string;
  token?: string;
  /** sha256:… of the cluster's authority. Without it the token's signature alone vouches for it. */
  authorityHash?: string;
  /** Where other machines reach this one; default: the local address of the way to the server. */
  nodeAddress?: string;
}

const EVERY_ADDRESS = '0.0.0.0';
const FILES_FOLDER = 'server';

/** Why a node's token does not make a server; the cluster tells those who have one how its state is kept. */
async function refusalOf(server: { url: string; authority: string }, token: JoinToken, runtime: Runtime): Promise<ConfigurationError> {
  const { name, namespace } = SHARED_CONFIGURATION;
  const { data } = await withToken(server, token, runtime, (client) => client.of(corev1.configmaps).get(name, namespace));
  return new ConfigurationError(
    data?.store === 'file'
      ? `the state of the cluster at ${server.url} is a file on the server's machine, which no other server can share. Move it to an etcd there first: tiphys backup, tiphys restore --etcd (docs/backup.md), then tiphys token create --role server`
      : `the token "${token.id}" is a node's. A server's is made on the server's machine with: tiphys token create --role server`,
  );
}

/** Nothing is written here before the cluster has given everything. */
async function receive(options: JoinServerOptions, runtime: Runtime): Promise<{ url: string; parcel: ServerParcel }> {
  const { server, onStep = () => undefined } = options;
  if (!server || !options.token)
    throw new ConfigurationError(
      `${options.directory} has not joined a cluster yet: tell its server and a token. tiphys token create --role server, on the server's machine, prints the whole command`,
    );
  const token = parseToken(options.token);
  const url = serverUrl(server);
  onStep(`Asking ${url} who it is`);
  const authority = await discoverAuthority(url, token, options.authorityHash, runtime);
  if (!isServerToken(token)) throw await refusalOf({ url, authority }, token, runtime);
  onStep('Fetching the keys of the cluster');
  const parcel = await withToken({ url, authority }, token, runtime, (client) => fetchParcel(client, token));
  if (parcel.keys['ca.crt']?.trim() !== authority.trim())
    throw new ConfigurationError(`${url} has another certificate authority than the server that the token was made on`);
  return { url, parcel };
}

/** The configuration comes last: with it the folder is a server's. */
function settle(folder: DataFolder, { keys, configuration, files }: ServerParcel, advertiseAddress: string): void {
  const keyFiles = folderKeyFiles(folder);
  const other = Object.entries(keys).find(([name, text]) => ![undefined, text].includes(keyFiles.read(name)));
  if (other) throw new ConfigurationError(`${join(folder.path, 'pki', other[0])} is that of another cluster. Join with another --data-dir`);
  for (const [name, text] of Object.entries(keys)) keyFiles.write(name, text);
  const filesFolder = join(folder.path, FILES_FOLDER);
  mkdirSync(filesFolder, { recursive: true, mode: 0o700 });
  const paths = Object.entries(files).map(([field, text]) => {
    const path = join(filesFolder, field);
    writeFileAtomically(path, text, 0o600, true);
    return [field, path];
  });
  const own: Partial<ClusterConfiguration> = { runtime: 'none', host: EVERY_ADDRESS, advertiseAddress };
  const all = {
    apiVersion: CONFIGURATION_API_VERSION,
    kind: CONFIGURATION_KIND,
    ...configuration,
    ...Object.fromEntries(paths),
    ...own,
  };
  writeFileAtomically(joinedServerFile(folder), stringify(all), 0o600, true);
}

/** What is told with a start holds for it. */
function readSettled(folder: DataFolder, { nodeAddress }: JoinServerOptions): ClusterConfiguration {
  const path = joinedServerFile(folder);
  const kept = parseConfiguration(readFileSync(path, 'utf8'), path);
  return completeConfiguration({ ...kept, ...(nodeAddress ? { advertiseAddress: nodeAddress } : {}) });
}

/** Whether the folder is that of a server that joined. */
export const isJoinedServer = (folder: DataFolder): boolean => existsSync(joinedServerFile(folder));

/** Resolves when the server answers and takes part in leading. After an error nothing of it runs. */
export async function joinServer(options: JoinServerOptions): Promise<Cluster> {
  const { directory, log = silentLogger, onStep, onDone } = options;
  const runtime: Runtime = { clock: realClock(), random: realRandom(), log };
  if (!isDataFolder(directory) || !isJoinedServer(dataFolder(directory))) {
    if (isDataFolder(directory)) {
      refuseJoined(dataFolder(directory));
      refuseCluster(dataFolder(directory));
    }
    const { url, parcel } = await receive(options, runtime);
    settle(openDataFolder(directory), parcel, options.nodeAddress ?? (await localAddress(url)));
  }
  return startCluster({
    ...readSettled(openDataFolder(directory), options),
    directory,
    log,
    ...(onStep ? { onStep } : {}),
    ...(onDone ? { onDone } : {}),
  });
}
