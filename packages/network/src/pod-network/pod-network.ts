// Sets up and removes the pod network of this node: the bridge, kernel settings, CNI's configuration and the nft table;
// and keeps the table's host ports in step with the node's pods.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
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

async function readSetting(run: RunProgram, key: string): Promise<string | undefined> {
  return run('sysctl', ['-n', key]).then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Sets what differs and remembers what was, once, so that removal can put it back. */
async function applyKernelSettings(run: RunProgram, settings: PodNetworkSettings): Promise<string[]> {
  const changes: string[] = [];
  const before: Record<string, string> = {};
  for (const { key, value, why } of kernelSettings(settings.bridge)) {
    let current = await readSetting(run, key);
    if (current === undefined && key.startsWith('net.bridge.')) {
      await run('modprobe', [MODULE]).catch(() => {});
      current = await readSetting(run, key);
      if (current !== undefined) changes.push(`loaded the kernel module ${MODULE}`);
    }
    if (current === value) continue;
    await run('sysctl', ['-qw', `${key}=${value}`]);
    if (key.includes(settings.bridge)) continue;
    before[key] = current ?? '';
    changes.push(`set ${key}=${value} (it was ${current}): ${why}`);
  }
  if (Object.keys(before).length > 0) await writeFile(settings.previousFile, JSON.stringify(before), { flag: 'wx' }).catch(() => {});
  return changes;
}

async function ensureBridge(run: RunProgram, settings: PodNetworkSettings): Promise<string[]> {
  const { bridge, gateway, prefixLength, hardwareAddress } = settings;
  const exists = await run('ip', ['link', 'show', bridge]).then(
    () => true,
    () => false,
  );
  if (!exists) await run('ip', ['link', 'add', bridge, 'address', hardwareAddress, 'type', 'bridge']);
  await run('ip', ['address', 'replace', `${gateway}/${prefixLength}`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
  return exists ? [] : [`made the network bridge ${bridge} with ${gateway}/${prefixLength}`];
}

/** Makes the network ready for the first pod. May be called again at any time: it repairs what is missing. */
export async function preparePodNetwork(options: PodNetworkOptions & { run?: RunProgram }): Promise<PodNetwork> {
  const settings = podNetworkSettings(options);
  const run = options.run ?? runProgram;
  await mkdir(settings.configurationDirectory, { recursive: true });
  await mkdir(settings.leaseDirectory, { recursive: true });
  await mkdir(dirname(settings.previousFile), { recursive: true });
  const changes = [...(await ensureBridge(run, settings)), ...(await applyKernelSettings(run, settings))];
  await run('nft', ['-f', '-'], { input: podTable(settings, []) });
  await writeFile(settings.configurationFile, `${JSON.stringify(cniConfiguration(settings), undefined, 2)}\n`);
  return { ...settings, changes };
}

/** Removes bridge, its ports, table, address leases and configuration, and puts kernel settings back. Fine when nothing is there. */
export async function removePodNetwork(options: PodNetworkOptions & { run?: RunProgram }): Promise<void> {
  const settings = podNetworkSettings(options);
  const run = options.run ?? runProgram;
  const ports = await run('ip', ['-json', 'link', 'show', 'master', settings.bridge]).catch(() => '[]');
  for (const port of JSON.parse(ports || '[]') as { ifname: string }[]) await run('ip', ['link', 'delete', port.ifname]).catch(() => {});
  await run('ip', ['link', 'delete', settings.bridge]).catch(() => {});
  await run('nft', ['-f', '-'], { input: `${podTableRemoval(settings.table).join('\n')}\n` });
  const before = await readFile(settings.previousFile, 'utf8').catch(() => '{}');
  for (const [key, value] of Object.entries(JSON.parse(before) as Record<string, string>)) {
    if (value !== '') await run('sysctl', ['-qw', `${key}=${value}`]).catch(() => {});
  }
  await rm(settings.leaseDirectory, { recursive: true, force: true });
  await rm(settings.configurationFile, { force: true });
  await rm(settings.previousFile, { force: true });
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
  let written = podTable(settings, []);
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const write = async () => {
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
  return {
    stop: async () => {
      stopped = true;
      unsubscribe();
      timer?.cancel();
      await running;
    },
  };
}
