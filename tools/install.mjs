// Installs what is missing: the locked npm packages (which bring Node 26) and, as root on Debian or Ubuntu, the system
// packages that real containers need. Plain JavaScript without dependencies, so that any Node ≥ 20 runs it on a bare machine.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const NODE_MAJOR_MIN = 26;
const APT_LOCK_SECONDS_MAX = 180;

const say = (text) => process.stderr.write(`${text}\n`);

/** Each system package with the files of which one proves that it is there. */
const SYSTEM_PACKAGES = [
  { name: 'containerd', found: ['/usr/bin/containerd', '/usr/local/bin/containerd', '/usr/sbin/containerd'] },
  { name: 'runc', found: ['/usr/sbin/runc', '/usr/bin/runc', '/usr/local/sbin/runc', '/usr/local/bin/runc'] },
  { name: 'nftables', found: ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'] },
  { name: 'iproute2', found: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'] },
  { name: 'conntrack', found: ['/usr/sbin/conntrack', '/sbin/conntrack', '/usr/bin/conntrack'] },
  { name: 'containernetworking-plugins', found: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge', '/usr/libexec/cni/bridge'] },
];

export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  return result.status ?? 1;
}

const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;

/** Every locked package is there in its version. Packages for other machines are optional and may be missing. */
function npmPackagesAreCurrent() {
  try {
    const installed = read('node_modules/.package-lock.json');
    return Object.entries(read('package-lock.json')).every(([path, { version, optional }]) => {
      if (!path.startsWith('node_modules/')) return true;
      if (!installed[path]) return optional === true;
      return installed[path].version === version && existsSync(join(root, path, 'package.json'));
    });
  } catch {
    return false;
  }
}

/** The Node that the project runs on, from its own packages; this process's when it is new enough and none fits the machine. */
export function nodePath() {
  const packaged = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(packaged)) return packaged;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return process.execPath;
  say(`Tiphys needs Node ${NODE_MAJOR_MIN}; this is ${process.version}, and no packaged Node fits ${process.platform}-${process.arch}.`);
  process.exit(1);
}

export function installNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  say('Installing the locked npm packages (npm ci) …');
  // What npm says about the command under way is not for the npm inside it; its settings (registry, cache, proxy) are.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_(?!config_)|^npm_config_local_prefix$/.test(key)));
  if (run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { env }) !== 0) {
    say('npm ci failed. Is the npm registry reachable? Try again with: npm ci');
    process.exit(1);
  }
}

function distribution() {
  try {
    return readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? 'this distribution';
  } catch {
    return 'this system';
  }
}

export function missingSystemPackages() {
  return SYSTEM_PACKAGES.filter((wanted) => !wanted.found.some((path) => existsSync(path))).map((wanted) => wanted.name);
}

/** Installs the distribution's packages, or says what to do. Returns whether real containers can run. */
export function installSystemPackages() {
  const missing = missingSystemPackages();
  if (process.platform !== 'linux') return false;
  if (missing.length === 0) return process.getuid?.() === 0;
  if (process.getuid?.() !== 0) {
    say(`Real containers need root and these packages: ${missing.join(', ')}. Going on with a simulated node.`);
    return false;
  }
  if (!existsSync('/usr/bin/apt-get')) {
    say(
      `Real containers need, from the packages of ${distribution()}: ${missing.join(', ')}. Install them and start again; going on with a simulated node.`,
    );
    return false;
  }
  say(`Installing from ${distribution()}'s packages: ${missing.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  // A fresh machine may still be updating itself.
  const wait = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_SECONDS_MAX}`];
  const install = () => run('apt-get', ['install', '-y', '-qq', ...wait, '--no-install-recommends', ...missing], quiet) === 0;
  if (install() || (run('apt-get', ['update', '-qq', ...wait], quiet) === 0 && install())) return true;
  say(`apt-get could not install ${missing.join(', ')}. Going on with a simulated node.`);
  return false;
}
