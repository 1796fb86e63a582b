// startCluster(): the whole of Tiphys in this process, for programs and for `tiphys up`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@tiphys/client';
import { type Logger, type Runtime, realClock, realRandom, silentLogger } from '@tiphys/runtime';
import { memoryStore, type Store } from '@tiphys/storage';
import { clusterKeys, memoryKeyFiles } from './certificates/cluster-keys.ts';
import { type ClusterConfiguration, completeConfiguration } from './configuration.ts';
import { noConnections } from './connections.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type DataFolder, folderKeyFiles, markRunning, openDataFolder, unmarkRunning, writeFileAtomically } from './data-folder.ts';
import { administratorKubeconfig } from './kubeconfig.ts';

export interface ClusterOptions extends Partial<ClusterConfiguration> {
  /** Where state lives. Without it the cluster is in memory and gone when closed. */
  directory?: string;
  log?: Logger;
  /** Default: the machine's own clock and chance. */
  runtimeServices?: Pick<Runtime, 'clock' | 'random'>;
  /** Told when a part begins and when it is there. */
  onStep?(text: string): void;
  onDone?(text: string): void;
}

export interface Cluster extends AsyncDisposable {
  /** Such as `https://127.0.0.1:6443`. */
  url: string;
  /** Acts as the administrator, in process. */
  client: Client;
  /** In process, as somebody else. */
  clientOf(user: string, groups?: readonly string[]): Client;
  /** Path of a kubeconfig file for other programs. */
  kubeconfig: string;
  /** Ends everything the cluster started. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

interface Place {
  folder?: DataFolder;
  store: Store;
  kubeconfig: string;
  remove(): void;
}

function placeInMemory(): Place {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-'));
  return { store: memoryStore(), kubeconfig: join(scratch, 'kubeconfig'), remove: () => rmSync(scratch, { recursive: true, force: true }) };
}

function placeOnDisk(directory: string): Place {
  const folder = openDataFolder(directory);
  return { folder, store: memoryStore(), kubeconfig: folder.kubeconfig, remove: () => unmarkRunning(folder) };
}

function serverHosts(configuration: ClusterConfiguration, kubernetesAddress: string): string[] {
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${configuration.clusterDomain}`,
    'localhost',
  ];
  return [...names, LOOPBACK, kubernetesAddress];
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { directory, log = silentLogger, runtimeServices, onStep = () => undefined, onDone = () => undefined, ...given } = options;
  const configuration = completeConfiguration({ port: directory ? undefined : 0, ...given } as Partial<ClusterConfiguration>);
  const runtime: Runtime = { clock: realClock(), random: realRandom(), ...runtimeServices, log };
  const place = directory ? placeOnDisk(directory) : placeInMemory();
  const keyFiles = place.folder ? folderKeyFiles(place.folder) : memoryKeyFiles();
  const keys = clusterKeys(runtime, keyFiles, serverHosts(configuration, '10.96.0.1'));
  onStep('Starting the API server, controllers and scheduler');
  let controlPlane: ControlPlane;
  try {
    controlPlane = await startControlPlane({
      configuration,
      runtime,
      store: place.store,
      keys,
      connections: noConnections(),
      host: configuration.host ?? LOOPBACK,
      advertisedAddress: LOOPBACK,
    });
  } catch (error) {
    place.remove();
    throw error;
  }
  const url = `https://${LOOPBACK}:${controlPlane.listening.port}`;
  writeFileAtomically(place.kubeconfig, administratorKubeconfig(url, keys));
  if (place.folder) markRunning(place.folder, url, configuration.runtime);
  onDone(`API server at ${url}`);
  const close = async () => {
    await controlPlane.close();
    place.remove();
  };
  return {
    url,
    client: controlPlane.client,
    clientOf: controlPlane.clientOf,
    kubeconfig: place.kubeconfig,
    close,
    [Symbol.asyncDispose]: close,
  };
}
