// startCluster(): the whole of Tiphys in this process, for programs and for `tiphys up`.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from '@tiphys/client';
import { mainAddress } from '@tiphys/node';
import { type Logger, type Runtime, realClock, realRandom, silentLogger } from '@tiphys/runtime';
import type { OwnPlugins } from '@tiphys/scheduler';
import { memoryStore, type Store } from '@tiphys/storage';
import { addressAt, isWithin } from './addresses.ts';
import { serveControl } from './backup/control-socket.ts';
import { type ClusterKeys, clusterKeys, type KeyFiles, memoryKeyFiles } from './certificates/cluster-keys.ts';
import { keepCertificatesFresh } from './certificates/renewal.ts';
import { watchClock } from './clock-watch.ts';
import { type ClusterConfiguration, ConfigurationError, completeConfiguration, DEFAULT_CONFIGURATION } from './configuration.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import {
  type DataFolder,
  folderKeyFiles,
  markRunning,
  openDataFolder,
  runningOn,
  serverIdentity,
  unmarkRunning,
  writeFileAtomically,
} from './data-folder.ts';
import { makeJoinable } from './join/cluster-side.ts';
import { refuseJoined } from './join/joined-folder.ts';
import { parcelOf } from './join/server-parcel.ts';
import { administratorKubeconfig } from './kubeconfig.ts';
import { nodeAddressOf } from './nodes/real-node.ts';
import { chooseRuntime } from './nodes/runtime-choice.ts';
import { hasRealNode, type Nodes, removeRealNode, startNodes } from './nodes/start-nodes.ts';
import { readSchedulerConfiguration } from './scheduler-configuration.ts';
import { refuseOtherKeys } from './shared-keys.ts';
import { openStateStore } from './store-choice.ts';

export interface ClusterOptions extends Partial<ClusterConfiguration> {
  /** Where state lives. Without it the cluster is in memory, simulated, and gone when closed. */
  directory?: string;
  log?: Logger;
  /** Default: the machine's own clock and chance. */
  runtimeServices?: Pick<Runtime, 'clock' | 'random'>;
  /** Plugins that profiles of the scheduler's configuration may name beside upstream's. */
  schedulerPlugins?: OwnPlugins;
  /** Told when a part begins and when it is there. */
  onStep?(text: string): void;
  onDone?(text: string): void;
}

export interface CloseOptions {
  /** `release` lets containers run on for the next start; the default ends them. State is kept either way. */
  containers?: 'end' | 'release';
}

export interface Cluster extends AsyncDisposable {
  /** Such as `https://127.0.0.1:6443`. */
  url: string;
  /** Which runtime the nodes have. */
  runtime: ClusterConfiguration['runtime'];
  /** Acts as the administrator, in process. */
  client: Client;
  /** In process, as somebody else; what it writes is under the program's name in managedFields. */
  clientOf(user: string, groups?: readonly string[], program?: string): Client;
  /** Path of a kubeconfig file for other programs. */
  kubeconfig: string;
  /** Ends everything the cluster started. */
  close(options?: CloseOptions): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const EVERY_ADDRESS = '0.0.0.0';

interface Place {
  folder?: DataFolder;
  store: Store;
  identity: string;
  keyFiles: KeyFiles;
  kubeconfig: string;
  leave(): void;
}

/** Of clusters that were never closed: a test that throws should leave nothing behind either. */
const scratchFolders = new Set<string>();
const removeScratchFolders = () => {
  for (const folder of scratchFolders) rmSync(folder, { recursive: true, force: true });
};

async function placeInMemory(configuration: ClusterConfiguration, runtime: Runtime, isRealTime: boolean): Promise<Place> {
  // Parts in this process would otherwise keep each other busy without end, and timers and sockets waiting.
  const inMemory = () => memoryStore(isRealTime ? { schedule: setImmediate } : {});
  const store = configuration.etcd ? await openStateStore(undefined, configuration, runtime) : inMemory();
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-'));
  if (scratchFolders.size === 0) process.on('exit', removeScratchFolders);
  scratchFolders.add(scratch);
  const leave = () => {
    rmSync(scratch, { recursive: true, force: true });
    scratchFolders.delete(scratch);
    if (scratchFolders.size === 0) process.off('exit', removeScratchFolders);
  };
  const identity = `${hostname()}_${runtime.random.uuid()}`;
  return { store, identity, keyFiles: memoryKeyFiles(), kubeconfig: join(scratch, 'kubeconfig'), leave };
}

const FOLDER_TROUBLE: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'it is on a disk that can only be read',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
};

/** Does work on files of the folder; what the machine has against that becomes something to act on. */
async function inFolder<T>(directory: string | undefined, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = FOLDER_TROUBLE[(error as NodeJS.ErrnoException).code ?? ''];
    if (!why || directory === undefined) throw error;
    throw new ConfigurationError(`${directory} can't be used: ${why}. Choose another with --data-dir`, { cause: error });
  }
}

async function placeOnDisk(directory: string, configuration: ClusterConfiguration, runtime: Runtime): Promise<Place> {
  const folder = openDataFolder(directory);
  refuseJoined(folder);
  const running = runningOn(folder);
  if (running) throw new ConfigurationError(`a cluster already runs on ${folder.path} (process ${running.pid}, ${running.url})`);
  const store = await openStateStore(folder, configuration, runtime);
  // Marked before anything begins, so that nobody removes what is being made; the URL is right unless any port will do.
  markRunning(folder, `https://${LOOPBACK}:${configuration.port}`, configuration.runtime);
  const identity = serverIdentity(folder, runtime);
  return { folder, store, identity, keyFiles: folderKeyFiles(folder), kubeconfig: folder.kubeconfig, leave: () => unmarkRunning(folder) };
}

function keysFor(configuration: ClusterConfiguration, runtime: Runtime, files: KeyFiles): ClusterKeys {
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${configuration.clusterDomain}`,
    'localhost',
  ];
  const { advertiseAddress, machineAddress, serviceCidr } = configuration;
  const addresses = [LOOPBACK, addressAt(serviceCidr, 1), advertiseAddress, machineAddress, nodeAddressOf(configuration)];
  return clusterKeys(runtime, files, [...names, ...addresses.filter((address) => address !== undefined)]);
}

async function configurationOf(options: ClusterOptions, onStep: (text: string) => void): Promise<ClusterConfiguration> {
  const { directory, log: _log, runtimeServices: _services, schedulerPlugins: _plugins, onStep: _step, onDone: _done, ...given } = options;
  const configuration = completeConfiguration(directory ? given : { port: 0, runtime: 'simulated', ...given });
  const runtime = directory ? chooseRuntime(configuration.runtime, onStep) : configuration.runtime === 'none' ? 'none' : 'simulated';
  if (runtime === 'simulated' || configuration.machineAddress !== undefined) return { ...configuration, runtime };
  const address = await mainAddress();
  // A machine that only has its own bridge has no network that others could share.
  const isShared = address !== LOOPBACK && !isWithin(configuration.podCidr, address);
  return { ...configuration, runtime, ...(isShared ? { machineAddress: address } : {}) };
}

/** Lets other commands find the cluster, and ask it for backups and for what a further server needs. */
async function makeKnown({ folder, store, keyFiles }: Place, runtime: Runtime, url: string, configuration: ClusterConfiguration) {
  if (!folder) return undefined;
  const onError = (error: unknown) => runtime.log.error('a backup or restore failed', error);
  const parcel = () => parcelOf(configuration, keyFiles, (path) => readFileSync(resolve(path), 'utf8'));
  const control = await serveControl(folder, { store, keyFiles, clock: runtime.clock, parcel }, onError);
  markRunning(folder, url, configuration.runtime);
  return control;
}

/** Gives the keys to those who connect, and keeps them fresh. Returns a stop function. */
function showKeys(
  configuration: ClusterConfiguration,
  runtime: Runtime,
  { kubeconfig, keyFiles }: Place,
  { listening, renew }: ControlPlane,
  keys: ClusterKeys,
): () => void {
  const write = (shown: ClusterKeys) =>
    writeFileAtomically(kubeconfig, administratorKubeconfig(`https://${LOOPBACK}:${listening.port}`, shown));
  write(keys);
  const onRenewed = (renewed: ClusterKeys) => {
    renew(renewed);
    write(renewed);
  };
  const renewal = keepCertificatesFresh({ runtime, keys, current: () => keysFor(configuration, runtime, keyFiles), onRenewed });
  const stopWatching = watchClock(runtime, renewal.look);
  return () => {
    stopWatching();
    renewal.stop();
  };
}

/** Where other machines find this server; undefined when they can't. */
function joinableAt({ runtime, host, advertiseAddress, machineAddress }: ClusterConfiguration, port: number): string | undefined {
  const isOpen = host === undefined ? runtime === 'containerd' : host !== LOOPBACK && host !== 'localhost';
  const own = host !== undefined && isIP(host) && host !== EVERY_ADDRESS ? host : undefined;
  const address = advertiseAddress ?? own ?? machineAddress;
  return runtime === 'simulated' || !isOpen || address === undefined ? undefined : `https://${address}:${port}`;
}

/** Resolves when the API is usable, the controllers work and the nodes are registered. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { directory, onStep = () => undefined, onDone = () => undefined } = options;
  const configuration = await configurationOf(options, onStep);
  const runtime: Runtime = { clock: realClock(), random: realRandom(), ...options.runtimeServices, log: options.log ?? silentLogger };
  const isReal = configuration.runtime === 'containerd';
  const place = await inFolder(directory, () =>
    directory
      ? placeOnDisk(resolve(directory), configuration, runtime)
      : placeInMemory(configuration, runtime, !options.runtimeServices?.clock),
  );
  let controlPlane: ControlPlane | undefined;
  let nodes: Nodes | undefined;
  let wasThere = false;
  let begun = false;
  let stopRenewal = () => {};
  let control: { close(): Promise<void> } | undefined;
  const close = async ({ containers = 'end' }: CloseOptions = {}) => {
    await control?.close();
    stopRenewal();
    await nodes?.stop();
    if (isReal && begun && place.folder && containers === 'end') await removeRealNode(configuration, place.folder.nodeFolder);
    if (controlPlane) await controlPlane.close();
    else await place.store[Symbol.asyncDispose]();
    place.leave();
  };
  try {
    await refuseOtherKeys(place.store, place.keyFiles);
    const keys = await inFolder(directory, () => keysFor(configuration, runtime, place.keyFiles));
    onStep('Starting the API server, controllers and scheduler');
    controlPlane = await startControlPlane({
      configuration,
      scheduler: readSchedulerConfiguration(configuration.schedulerConfigFile, options.schedulerPlugins),
      runtime,
      store: place.store,
      identity: place.identity,
      keys,
      host: configuration.host ?? (isReal ? EVERY_ADDRESS : LOOPBACK),
      advertisedAddress: configuration.advertiseAddress ?? (isReal ? nodeAddressOf(configuration) : LOOPBACK),
      ...(isReal && place.folder ? { volumeDirectory: join(place.folder.path, 'volumes') } : {}),
    });
    const url = `https://${LOOPBACK}:${controlPlane.listening.port}`;
    stopRenewal = showKeys(configuration, runtime, place, controlPlane, keys);
    control = await makeKnown(place, runtime, url, configuration);
    onDone(`The API server answers at ${url}`);
    const { client, clientOf } = controlPlane;
    const authority = keys.authority;
    const server = joinableAt(configuration, controlPlane.listening.port);
    const store = configuration.etcd ? 'etcd' : 'file';
    if (server !== undefined) await makeJoinable(client, { server, authorityPem: authority.certificatePem, configuration, store });
    const nodesOptions = { configuration, runtime, authority, keyFiles: place.keyFiles, client, clientOf, onStep, onDone };
    if (isReal && place.folder) wasThere = await hasRealNode(configuration, place.folder.nodeFolder);
    begun = true;
    nodes = await startNodes({ ...nodesOptions, ...(place.folder ? { directory: place.folder.nodeFolder } : {}) });
    return {
      url,
      runtime: configuration.runtime,
      client,
      clientOf,
      kubeconfig: place.kubeconfig,
      close,
      [Symbol.asyncDispose]: () => close(),
    };
  } catch (error) {
    // What this start made goes; containers of a cluster that was killed run on for a start that succeeds.
    await close({ containers: wasThere ? 'release' : 'end' }).catch((cause) => runtime.log.error('cleaning up failed', cause));
    throw error;
  }
}

/** Removes what a cluster left on the machine outside its data folder, whether it was stopped or killed. */
export async function cleanUp(folder: DataFolder): Promise<void> {
  if (existsSync(folder.nodeFolder)) await removeRealNode(DEFAULT_CONFIGURATION, folder.nodeFolder);
  unmarkRunning(folder);
}
