// What a cluster can leave on a machine outside its folder, written down so that before and after can be compared.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Kind of thing → one line for each. */
export type MachineState = Record<string, string[]>;

const FOLDERS = [
  '/run/containerd',
  '/run/netns',
  '/run/runc',
  '/var/log/pods',
  '/var/log/containers',
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/etc/cni',
];
const SETTINGS = [
  'net/ipv4/ip_forward',
  'net/bridge/bridge-nf-call-iptables',
  'net/ipv4/conf/all/route_localnet',
  'net/ipv4/conf/default/forwarding',
];
/** Every containerd makes these, and whoever finds them empty may remove them. */
const SHARED = '/run/containerd';
/** Pods of another cluster on the machine, and what their plugins answered, go when they like. */
const ANOTHER_POD = /\/run\/netns\/cni-|^\/var\/lib\/cni\//;
const CGROUPS = '/sys/fs/cgroup';
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const names = (path: string): string[] => {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
};

function filesBelow(path: string): string[] {
  try {
    if (!lstatSync(path).isDirectory()) return [path];
  } catch {
    return [];
  }
  return [path, ...names(path).flatMap((name) => filesBelow(join(path, name)))];
}

/** Processes that have to do with the folder: by their command line, working folder or cgroup. Others come and go as they like. */
function processes(folder: string, cgroup: string): string[] {
  return names('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    const command = text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    let workingFolder = '';
    try {
      workingFolder = readlinkSync(`/proc/${pid}/cwd`);
    } catch {
      // It ended meanwhile.
    }
    const about = `${command} ${workingFolder} ${text(`/proc/${pid}/cgroup`)}`;
    // Without a command line it has ended and waits for its parent.
    return command !== '' && (about.includes(folder) || about.includes(cgroup)) ? [`${pid} ${command}`] : [];
  });
}

/** Mounts inside other clusters' folders are theirs. */
const isAnothersMount = (line: string, own: string) => /\/node\/(?:containerd|kubelet)\//.test(line) && !line.includes(own);

/** Trees of other clusters come and go with them. */
function cgroups(own: string): string[] {
  const below = (path: string) => names(path).flatMap((name) => (isFolder(join(path, name)) ? [join(path, name)] : []));
  const isAnothers = (path: string) => /^tiphys-[0-9a-f]{8}$/.test(basename(path)) && basename(path) !== own;
  return below(CGROUPS).flatMap((top) => [top, ...below(top).filter((path) => !isAnothers(path))]);
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

const lines = (output: string) => output.split('\n').filter((line) => line.trim() !== '');
const ask = async (program: string, ...args: string[]) => lines((await run(program, args, { maxBuffer: OUTPUT_BYTES_MAX })).stdout);

/** As kernels name a data folder's cgroups. */
export const cgroupOf = (nodeFolder: string): string => `tiphys-${createHash('sha256').update(nodeFolder).digest('hex').slice(0, 8)}`;

/** `folder` is the cluster's data folder: what lies in it is not looked at, what is mounted in it is. */
export async function machineState(folder: string): Promise<MachineState> {
  const mounts = lines(text('/proc/self/mountinfo')).map((line) => line.split(' ').slice(3, 6).join(' '));
  return {
    processes: processes(folder, cgroupOf(join(folder, 'node'))),
    mounts: mounts.filter((line) => !isAnothersMount(line, folder)).sort(),
    links: (await ask('ip', '-oneline', 'link', 'show')).map((line) => line.split(':')[1]!.trim()),
    addresses: (await ask('ip', '-oneline', '-4', 'address', 'show')).map((line) =>
      line.replace(/^\d+:\s+/, '').replace(/\s+valid_lft.*/, ''),
    ),
    // Those of IPv6 settle by themselves some time after a link came up, and a cluster makes none.
    routes: await ask('ip', '-4', 'route', 'show', 'table', 'all'),
    nftables: await ask('nft', 'list', 'ruleset'),
    cgroups: cgroups(cgroupOf(join(folder, 'node'))),
    files: FOLDERS.flatMap(filesBelow),
    kubeconfig: lines(text(process.env.KUBECONFIG ?? join(homedir(), '.kube', 'config'))),
    settings: SETTINGS.map((name) => `${name}=${text(join('/proc/sys', name)).trim()}`),
  };
}

/** What is there now and was not, and the other way round; empty when nothing differs. */
export function differences(before: MachineState, after: MachineState): string[] {
  return Object.keys(before).flatMap((kind) => {
    const [was, is] = [before[kind]!, after[kind]!];
    return [
      ...is.filter((line) => !was.includes(line)).map((line) => `${kind}: left behind: ${line}`),
      ...was
        .filter((line) => !is.includes(line) && !line.startsWith(SHARED) && !ANOTHER_POD.test(line))
        .map((line) => `${kind}: gone: ${line}`),
    ];
  });
}
