// What this machine lets containerd do: capabilities, overlay mounts, AppArmor, its version and where CNI plugins are.
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CAP_SYS_RESOURCE = 24n;

export interface MachineFacts {
  version: string;
  majorVersion: number;
  restrictOomScoreAdjust: boolean;
  snapshotter: 'overlayfs' | 'native';
  disableApparmor: boolean;
  cniBinaryDirectories: string[];
}

/** Where distributions put CNI plugins: Debian, upstream's archives, Fedora. */
export const CNI_DIRECTORIES: readonly string[] = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Only a trial tells: overlay on overlay, for example, is refused by the kernel. */
async function overlayWorks(scratch: string): Promise<boolean> {
  const base = join(scratch, 'overlay-trial');
  const parts = ['lower', 'upper', 'work', 'merged'].map((name) => join(base, name));
  try {
    for (const part of parts) await mkdir(part, { recursive: true });
    const [lower, upper, work, merged] = parts as [string, string, string, string];
    await run('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, merged]);
    await run('umount', [merged]);
    return true;
  } catch {
    return false;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

export async function machineFacts(binary: string, scratch: string): Promise<MachineFacts> {
  const [versionText, status, overlay, apparmor] = await Promise.all([
    run(binary, ['--version']).then(({ stdout }) => stdout),
    readFile('/proc/self/status', 'utf8'),
    overlayWorks(scratch),
    readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N'),
  ]);
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(versionText)?.[1] ?? '1.6.0';
  const capabilities = BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(status)?.[1] ?? '0'}`);
  const directories: string[] = [];
  for (const directory of CNI_DIRECTORIES) if (await exists(join(directory, 'bridge'))) directories.push(directory);
  return {
    version,
    majorVersion: Number.parseInt(version, 10),
    restrictOomScoreAdjust: ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 0n,
    snapshotter: overlay ? 'overlayfs' : 'native',
    disableApparmor: apparmor.trim() !== 'Y',
    cniBinaryDirectories: directories.length > 0 ? directories : [...CNI_DIRECTORIES],
  };
}
