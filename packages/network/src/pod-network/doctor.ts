// What the pod network needs of the machine, as data: facts in, findings with their remedies out. The facts are read in one place.
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunProgram } from '../run-program.ts';
import { runProgram } from '../run-program.ts';
import { otherCluster, readSetting } from './pod-network.ts';
import { kernelSettings } from './settings.ts';

export interface NetworkFacts {
  root: boolean;
  /** The folder of another cluster whose pod network is on this machine. */
  otherCluster?: string;
  /** Version line of nft, or why it can't be run. */
  nft: { ok: boolean; text: string };
  ip: boolean;
  conntrack: boolean;
  /** Names of the CNI plugins that were found. */
  plugins: readonly string[];
  pluginDirectories: readonly string[];
  /** Values of kernel settings; undefined where the kernel doesn't know the setting. */
  settings: Readonly<Record<string, string | undefined>>;
  /** Policy of the filter table's forward chain, if the machine has one. */
  forwardPolicy?: string;
  /** Destinations of the machine's routes, `a.b.c.d/n`, with their interfaces. */
  routes: readonly { destination: string; device: string }[];
  resolvers: number;
}

export interface Finding {
  name: string;
  ok: boolean;
  /** `fail` stops real pods from working, `warning` costs something. */
  severity: 'fail' | 'warning';
  text: string;
  fix?: string;
}

export const PLUGINS = ['bridge', 'host-local', 'loopback', 'bandwidth'] as const;
export const PLUGIN_DIRECTORIES = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'] as const;

function range(cidr: string): [number, number] {
  const [base, length] = cidr.split('/') as [string, string | undefined];
  const value = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length ?? '32'));
  return [value - (value % size), value - (value % size) + size - 1];
}

function overlaps(a: string, b: string): boolean {
  const [aFirst, aLast] = range(a);
  const [bFirst, bLast] = range(b);
  return aFirst <= bLast && bFirst <= aLast;
}

export interface NetworkPlan {
  podCidr: string;
  serviceCidr: string;
  bridge: string;
}

const fail = (name: string, ok: boolean, text: string, fix: string): Finding => ({
  name,
  ok,
  severity: 'fail',
  text,
  ...(ok ? {} : { fix }),
});
const warning = (name: string, ok: boolean, text: string, fix: string): Finding => ({
  name,
  ok,
  severity: 'warning',
  text,
  ...(ok ? {} : { fix }),
});

function bridgeFinding({ otherCluster: other }: NetworkFacts, { bridge }: NetworkPlan): Finding {
  const text =
    other === undefined
      ? `no other cluster has the network bridge ${bridge}`
      : `the network bridge ${bridge} belongs to the cluster in ${other}`;
  return fail(
    'bridge',
    other === undefined,
    text,
    `end that cluster with: tiphys down --data-dir ${other} (with --keep-data it can continue later)`,
  );
}

/** Judges the facts. */
export function networkFindings(facts: NetworkFacts, plan: NetworkPlan): Finding[] {
  const missing = PLUGINS.filter((plugin) => !facts.plugins.includes(plugin));
  const clashes = facts.routes.filter(
    (route) => route.device !== plan.bridge && [plan.podCidr, plan.serviceCidr].some((cidr) => overlaps(cidr, route.destination)),
  );
  const bridgeSetting = facts.settings['net.bridge.bridge-nf-call-iptables'];
  return [
    fail('root', facts.root, facts.root ? 'runs as root' : 'does not run as root', 'run as root, or use simulated nodes'),
    fail(
      'nftables',
      facts.nft.ok,
      facts.nft.text,
      facts.root ? 'install the package nftables; the kernel needs CONFIG_NF_TABLES and CONFIG_NFT_NAT' : 'run as root to have it tried',
    ),
    bridgeFinding(facts, plan),
    fail('iproute2', facts.ip, facts.ip ? 'the program ip is there' : 'the program ip is missing', 'install the package iproute2'),
    fail(
      'cni-plugins',
      missing.length === 0,
      missing.length === 0 ? 'all CNI plugins are there' : `CNI plugins are missing: ${missing.join(', ')}`,
      `install the package containernetworking-plugins (looked in ${facts.pluginDirectories.join(', ')})`,
    ),
    warning(
      'conntrack',
      facts.conntrack,
      facts.conntrack
        ? 'the program conntrack is there'
        : 'the program conntrack is missing: UDP clients may keep talking to endpoints that are gone',
      'install the package conntrack',
    ),
    fail(
      'bridge-netfilter',
      bridgeSetting !== undefined,
      bridgeSetting === undefined ? 'bridged packets do not pass the netfilter rules' : 'bridged packets can pass the netfilter rules',
      'load the kernel module: modprobe br_netfilter',
    ),
    warning(
      'forwarding',
      facts.settings['net.ipv4.ip_forward'] === '1',
      facts.settings['net.ipv4.ip_forward'] === '1' ? 'packets are forwarded' : 'packets are not forwarded yet; `tiphys up` turns it on',
      'sysctl -w net.ipv4.ip_forward=1',
    ),
    fail(
      'forward-policy',
      facts.forwardPolicy !== 'drop',
      facts.forwardPolicy === 'drop'
        ? 'the firewall drops forwarded packets (Docker sets it up so)'
        : 'the firewall lets forwarded packets through',
      `iptables -I FORWARD -i ${plan.bridge} -j ACCEPT && iptables -I FORWARD -o ${plan.bridge} -j ACCEPT`,
    ),
    fail(
      'addresses',
      clashes.length === 0,
      clashes.length === 0
        ? 'no route of this machine overlaps the addresses of pods and services'
        : `routes overlap the addresses of pods or services: ${clashes.map((route) => `${route.destination} on ${route.device}`).join(', ')}`,
      'choose other ranges in the configuration: podCidr, serviceCidr',
    ),
    warning(
      'resolvers',
      facts.resolvers > 0,
      facts.resolvers > 0 ? 'the machine has resolvers for names outside the cluster' : 'no resolvers: names outside the cluster fail',
      'name one in /etc/resolv.conf',
    ),
  ];
}

const succeeds = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  );

/** Reads the facts from the machine. `owner` is the data folder of the cluster that is asked for. */
export async function networkFacts(bridge: string, owner: string, run: RunProgram = runProgram): Promise<NetworkFacts> {
  const plugins: string[] = [];
  for (const plugin of PLUGINS) {
    const found = await Promise.all(PLUGIN_DIRECTORIES.map((directory) => succeeds(access(join(directory, plugin), constants.X_OK))));
    if (found.includes(true)) plugins.push(plugin);
  }
  const settings: Record<string, string | undefined> = {};
  for (const { key } of kernelSettings(bridge)) settings[key] = await readSetting(run, key);
  const nft = await run('nft', ['list', 'tables']).then(
    () => ({ ok: true, text: 'nftables works' }),
    (error: Error) => ({ ok: false, text: `nftables does not work: ${error.message.split('\n')[0]}` }),
  );
  const forward = await run('nft', ['list', 'chain', 'ip', 'filter', 'FORWARD']).catch(() => '');
  const routes = JSON.parse((await run('ip', ['-4', '-json', 'route']).catch(() => '')) || '[]') as { dst: string; dev?: string }[];
  const resolvConf = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const policy = /policy (\w+)/.exec(forward)?.[1];
  const other = await otherCluster(bridge, owner, run);
  return {
    root: process.getuid?.() === 0,
    ...(other === undefined ? {} : { otherCluster: other }),
    nft,
    ip: await succeeds(run('ip', ['-Version'])),
    conntrack: await succeeds(run('conntrack', ['--version'])),
    plugins,
    pluginDirectories: PLUGIN_DIRECTORIES,
    settings,
    ...(policy ? { forwardPolicy: policy } : {}),
    routes: routes.filter((route) => route.dst !== 'default').map((route) => ({ destination: route.dst, device: route.dev ?? '' })),
    resolvers: resolvConf.split('\n').filter((line) => /^\s*nameserver\s/.test(line)).length,
  };
}
