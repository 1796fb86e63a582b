// Sets up and removes the pod network of this node: the bridge, kernel settings, CNI's configuration and the nft table;
// and keeps the table's host ports in step with the node's pods.
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Runtime, Timer } from '@tiphys/runtime';
import { type RunProgram, runProgram } from '../run-program.ts';
import { hostPortsOf, podTable, podTableRemoval } from './host-ports.ts';
import { cniConfiguration, kernelSettings, type PodNetworkOptions, type PodNetworkSettings, podNetworkSettings } from './settings.ts';

export interface PodNetwork extends PodNetworkSettings {
  /** What was changed on the machine, in sentences for its owner. */
  changes: string[];
}

const MODULE = 'br_netfilter';

/** Undefined where the kernel does not know it. */
export async function readSetting(run: RunProgram, key: string): Promise<string | undefined> {
  return run('sysctl', ['-n', key]).then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Whole or not at all: this process may end at any moment. CNI takes no notice of the name in between. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** Remembers what was, once, then sets what differs, so that removal can put it back whatever happens in between. */
async function applyKernelSettings(run: RunProgram, settings: PodNetworkSettings): Promise<string[]> {
  const changes: string[] = [];
  const before: Record<string, string> = {};
  const wanted: string[] = [];
  for (const { key, value, why } of kernelSettings(settings.bridge)) {
    let current = await readSetting(run, key);
    if (current === undefined && key.startsWith('net.bridge.')) {
      await run('modprobe', [MODULE]).catch(() => {});
      current = await readSetting(run, key);
      if (current !== undefined) changes.push(`loaded the kernel module ${MODULE}`);
    }
    if (current === value) continue;
    wanted.push(`${key}=${value}`);
    // The bridge's own settings go with it.
    if (key.includes(settings.bridge)) continue;
    before[key] = current ?? '';
    changes.push(`set ${key}=${value} (it was ${current}): ${why}`);
  }
  if (Object.keys(before).length > 0) {
    const kept = JSON.parse((await textOf(settings.previousFile)) || '{}') as Record<string, string>;
    await writeWhole(settings.previousFile, JSON.stringify({ ...before, ...kept }));
  }
  for (const assignment of wanted) await run('sysctl', ['-qw', assignment]);
  return changes;
}

interface Link {
  ifname: string;
  ifalias?: string;
}

async function findBridge(run: RunProgram, bridge: string): Promise<Link | undefined> {
  const text = await run('ip', ['-json', 'link', 'show', 'dev', bridge]).catch(() => '[]');
  return (JSON.parse(text || '[]') as Link[])[0];
}

/** The kernel keeps the owner's name with the bridge, so that it is known even after a crash. */
const OWNER = 'tiphys: ';
const ALIAS_BYTES_MAX = 255;
const ownerOf = ({ owner, directory }: PodNetworkOptions): string => owner ?? directory;
const aliasOf = (folder: string): string => `${OWNER}${folder}`.slice(0, ALIAS_BYTES_MAX);

/** The folder of another cluster whose network is on this machine. A folder that is gone owns nothing. */
async function otherOwner(link: Link | undefined, folder: string): Promise<string | undefined> {
  if (!link?.ifalias?.startsWith(OWNER) || link.ifalias === aliasOf(folder)) return undefined;
  const owner = link.ifalias.slice(OWNER.length);
  return access(owner).then(
    () => owner,
    () => undefined,
  );
}

/** The folder of the cluster that has this machine's pod network, unless it is the one in `folder`. */
export async function otherCluster(bridge: string, folder: string, run: RunProgram = runProgram): Promise<string | undefined> {
  return otherOwner(await findBridge(run, bridge), folder);
}

/** Another cluster has the machine's pod network. Written for people. */
export class NetworkInUseError extends Error {
  override name = 'NetworkInUseError';
}

async function ensureBridge(run: RunProgram, settings: PodNetworkSettings, owner: string): Promise<string[]> {
  const { bridge, gateway, prefixLength, hardwareAddress } = settings;
  const found = await findBridge(run, bridge);
  const other = await otherOwner(found, owner);
  if (other !== undefined) {
    throw new NetworkInUseError(
      `the network bridge ${bridge} belongs to the cluster in ${other}: a machine has room for one cluster with real containers. ` +
        `End that one with: tiphys down --data-dir ${other} (with --keep-data it can continue later)`,
    );
  }
  if (!found) await run('ip', ['link', 'add', bridge, 'address', hardwareAddress, 'type', 'bridge']);
  await run('ip', ['link', 'set', 'dev', bridge, 'alias', aliasOf(owner)]);
  await run('ip', ['address', 'replace', `${gateway}/${prefixLength}`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
  return found ? [] : [`made the network bridge ${bridge} with ${gateway}/${prefixLength}`];
}

/** Makes the network ready for the first pod. May be called again at any time: it repairs what is missing. */
export async function preparePodNetwork(options: PodNetworkOptions & { run?: RunProgram }): Promise<PodNetwork> {
  const settings = podNetworkSettings(options);
  const run = options.run ?? runProgram;
  await mkdir(settings.configurationDirectory, { recursive: true });
  await mkdir(settings.leaseDirectory, { recursive: true });
  await mkdir(dirname(settings.previousFile), { recursive: true });
  const changes = [...(await ensureBridge(run, settings, ownerOf(options))), ...(await applyKernelSettings(run, settings))];
  // A table that is there carries the host ports of pods that run: it stays until the pods are known.
  const hasTable = await run('nft', ['list', 'chain', 'ip', settings.table, 'host-ports']).then(
    () => true,
    () => false,
  );
  if (!hasTable) await run('nft', ['-f', '-'], { input: podTable(settings, []) });
  const configuration = `${JSON.stringify(cniConfiguration(settings), undefined, 2)}\n`;
  if ((await textOf(settings.configurationFile)) !== configuration) await writeWhole(settings.configurationFile, configuration);
  return { ...settings, changes };
}

/** Whether a cluster's network is on this machine, from a start before this one. */
export async function hasPodNetwork(options: PodNetworkOptions & { run?: RunProgram }): Promise<boolean> {
  const { bridge } = podNetworkSettings(options);
  return (await findBridge(options.run ?? runProgram, bridge))?.ifalias === aliasOf(ownerOf(options));
}

/**
 * Removes bridge, its ports, table, address leases and configuration, and puts kernel settings back. Fine when nothing is there.
 * Answers false when the network is another cluster's, which is left alone.
 */
export async function removePodNetwork(options: PodNetworkOptions & { run?: RunProgram }): Promise<boolean> {
  const settings = podNetworkSettings(options);
  const run = options.run ?? runProgram;
  const isOurs = (await otherOwner(await findBridge(run, settings.bridge), ownerOf(options))) === undefined;
  if (isOurs) {
    const ports = await run('ip', ['-json', 'link', 'show', 'master', settings.bridge]).catch(() => '[]');
    for (const port of JSON.parse(ports || '[]') as Link[]) await run('ip', ['link', 'delete', port.ifname]).catch(() => {});
    await run('ip', ['link', 'delete', settings.bridge]).catch(() => {});
    await run('nft', ['-f', '-'], { input: `${podTableRemoval(settings.table).join('\n')}\n` });
    const before = JSON.parse((await textOf(settings.previousFile)) || '{}') as Record<string, string>;
    for (const [key, value] of Object.entries(before)) {
      if (value !== '') await run('sysctl', ['-qw', `${key}=${value}`]).catch(() => {});
    }
  }
  await rm(settings.leaseDirectory, { recursive: true, force: true });
  await rm(settings.configurationFile, { force: true });
  await rm(settings.previousFile, { force: true });
  return isOurs;
}

const GATHER_MS = 5;
const RETRY_MS = 1000;

export interface HostPorts {
  stop(): Promise<void>;
}

export interface HostPortsOptions {
  client: Client;
  runtime: Runtime;
  nodeName: string;
  settings: PodNetworkSettings;
  run?: RunProgram;
}

/** Follows the node's pods and rewrites the table when their host ports change. */
export function startHostPorts(options: HostPortsOptions): HostPorts {
  const { runtime, settings, run = runProgram } = options;
  const informer = options.client.informer(corev1.pods, { fieldSelector: `spec.nodeName=${options.nodeName}` });
  let written: string | undefined;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  let known = false;
  const write = async () => {
    // Half a list would take host ports away from pods that run.
    if (!known) return;
    const wanted = podTable(settings, hostPortsOf(informer.list()));
    if (wanted === written || stopped) return;
    try {
      await run('nft', ['-f', '-'], { input: wanted });
      written = wanted;
    } catch (error) {
      runtime.log.error('nftables refused the host ports', error);
      schedule(RETRY_MS);
    }
  };
  const schedule = (delayMs: number) => {
    if (timer || stopped) return;
    timer = runtime.clock.after(delayMs, () => {
      timer = undefined;
      running = running.then(write);
    });
  };
  const changed = () => schedule(GATHER_MS);
  const unsubscribe = informer.subscribe({ added: changed, updated: changed, deleted: changed });
  void informer.synced().then(
    () => {
      known = true;
      changed();
    },
    () => undefined,
  );
  return {
    stop: async () => {
      stopped = true;
      unsubscribe();
      timer?.cancel();
      await running;
    },
  };
}
