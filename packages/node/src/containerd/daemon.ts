// Runs a containerd of our own, apart from the machine's: starts it detached so that containers outlive this process, adopts the
// one that runs already, starts it again when it dies, and stops it.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Runtime, Timer } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { type CriClient, criClient } from '../cri/client.ts';
import { type ContainerdPaths, containerdConfiguration, containerdPaths } from './configuration.ts';
import { type MachineFacts, machineFacts } from './machine.ts';
import { commandLine, isOurProcess, processesWithArgument, signal, waitUntilGone } from './process.ts';

export interface ContainerdOptions {
  runtime: Runtime;
  /** The data folder. */
  directory: string;
  /** Where CNI's configuration lies; default DIR/cni/net.d. */
  cniConfigurationDirectory?: string;
  /** Where `HOST/hosts.toml` files tell of registries and mirrors, as containerd's `config_path`; default DIR/registries. */
  registryConfigurationDirectory?: string;
  /** The program; default the first `containerd` in PATH. Its folder is searched for the shim, too. */
  binary?: string;
}

export interface Containerd extends ContainerdPaths {
  facts: MachineFacts;
  cri: CriClient;
  /** True when it was running before we came. */
  adopted: boolean;
  /** Calls back after containerd died and answers again. */
  onRestart(callback: () => void): void;
  /** Ends it; containers go on until they are stopped. */
  stop(): Promise<void>;
  /** Lets go of it: it runs on and the next start adopts it. */
  release(): void;
}

const READY_TIMEOUT_MS = 20_000;
/** How often it is looked at whether the process still runs. */
const READY_LOOK_MS = 500;
const STOP_TIMEOUT_MS = 10_000;
const CHECK_MS = 2000;
/** The kernel's limit for the address of a unix socket, without the final zero. */
const SOCKET_PATH_BYTES_MAX = 107;

async function runningPid(paths: ContainerdPaths): Promise<number | undefined> {
  const pid = Number(await readFile(paths.pidFile, 'utf8').catch(() => ''));
  if (pid > 0 && (await isOurProcess(pid, paths.configuration))) return pid;
  // Whoever started it may have been killed before it wrote the pid down. Two of them on one folder would wait for each other.
  const hasRun = await access(paths.root).then(
    () => true,
    () => false,
  );
  if (!hasRun) return undefined;
  const found = await processesWithArgument(paths.configuration);
  for (const candidate of found) if ((await commandLine(candidate))[0]?.endsWith('containerd')) return candidate;
  return undefined;
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function launch(binary: string, paths: ContainerdPaths, onExit: () => void): Promise<number> {
  await rm(paths.socket, { force: true });
  const log = openSync(paths.log, 'a');
  try {
    const child = spawn(binary, ['--config', paths.configuration], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid!));
      child.once('error', (error) => reject(new Retryable(`containerd can't be started: ${error.message}`, { cause: error })));
    });
    child.once('exit', onExit);
    child.unref();
    await writeWhole(paths.pidFile, String(pid));
    return pid;
  } finally {
    closeSync(log);
  }
}

async function lastLines(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-5).join('\n');
}

/** Answers only when the CRI plugin itself does. */
async function waitReady(cri: CriClient, paths: ContainerdPaths, runtime: Runtime, pid: number): Promise<void> {
  const deadlineMs = runtime.clock.monotonicMs() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      await cri.ready(Math.max(1, Math.min(READY_LOOK_MS, deadlineMs - runtime.clock.monotonicMs())));
      await cri.version();
      return;
    } catch (error) {
      const isThere = await isOurProcess(pid, paths.configuration);
      if (!isThere || runtime.clock.monotonicMs() >= deadlineMs) {
        throw new Retryable(`containerd ${isThere ? 'does not answer' : 'ended at once'}. Its last lines:\n${await lastLines(paths.log)}`, {
          cause: error,
        });
      }
      await runtime.clock.sleep(20);
    }
  }
}

async function writeConfiguration(options: ContainerdOptions, facts: MachineFacts, paths: ContainerdPaths): Promise<boolean> {
  const text = containerdConfiguration(
    {
      directory: options.directory,
      snapshotter: facts.snapshotter,
      cniConfigurationDirectory: options.cniConfigurationDirectory ?? join(options.directory, 'cni', 'net.d'),
      cniBinaryDirectories: facts.cniBinaryDirectories,
      restrictOomScoreAdjust: facts.restrictOomScoreAdjust,
      disableApparmor: facts.disableApparmor,
      registryConfigurationDirectory: options.registryConfigurationDirectory ?? join(options.directory, 'registries'),
    },
    facts.majorVersion,
  );
  const before = await readFile(paths.configuration, 'utf8').catch(() => '');
  if (before === text) return false;
  await writeWhole(paths.configuration, text);
  return true;
}

async function preparedPaths(directory: string): Promise<ContainerdPaths> {
  const paths = containerdPaths(directory);
  if (Buffer.byteLength(`${paths.socket}.ttrpc`) > SOCKET_PATH_BYTES_MAX) {
    throw new Error(`the data folder's path is too long for containerd's socket: ${paths.socket}`);
  }
  await mkdir(dirname(paths.socket), { recursive: true });
  return paths;
}

/** Starts or adopts the containerd of a data folder. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { runtime, binary = 'containerd' } = options;
  const log = runtime.log.named('containerd');
  const paths = await preparedPaths(options.directory);
  const facts = await machineFacts(binary, join(options.directory, 'containerd'));
  const changed = await writeConfiguration(options, facts, paths);
  const callbacks = new Set<() => void>();
  const cri = criClient(paths.socket, options.runtime.clock);
  let pid = await runningPid(paths);
  let released = false;
  let restarting = false;
  let timer: Timer | undefined;

  const restart = async () => {
    if (released || restarting) return;
    restarting = true;
    try {
      log.warning('containerd ended and is started again', { pid });
      pid = await launch(binary, paths, () => void check());
      await waitReady(cri, paths, runtime, pid);
      for (const callback of callbacks) callback();
    } catch (error) {
      log.error('containerd could not be started again', error);
    } finally {
      restarting = false;
    }
  };
  const check = async () => {
    if (!released && !restarting && !(pid && (await isOurProcess(pid, paths.configuration)))) await restart();
  };
  const watch = () => {
    timer = runtime.clock.after(CHECK_MS, () => void check().finally(() => released || watch()));
  };
  const release = () => {
    released = true;
    timer?.cancel();
    cri.close();
  };

  if (pid && changed) {
    await endContainerd(paths, pid);
    pid = undefined;
  }
  const adopted = pid !== undefined;
  if (!pid) pid = await launch(binary, paths, () => void check());
  await waitReady(cri, paths, runtime, pid).catch((error) => {
    release();
    throw error;
  });
  watch();
  return {
    ...paths,
    facts,
    cri,
    adopted,
    onRestart: (callback) => void callbacks.add(callback),
    release,
    stop: async () => {
      release();
      if (pid) await endContainerd(paths, pid);
    },
  };
}

async function endContainerd(paths: ContainerdPaths, pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  if (!(await waitUntilGone([pid], paths.configuration, STOP_TIMEOUT_MS))) {
    signal(pid, 'SIGKILL');
    await waitUntilGone([pid], paths.configuration, STOP_TIMEOUT_MS);
  }
  await rm(paths.pidFile, { force: true });
}

/** Ends the containerd of a data folder if one runs. */
export async function stopContainerd(directory: string): Promise<void> {
  const paths = containerdPaths(directory);
  const pid = await runningPid(paths);
  if (pid) await endContainerd(paths, pid);
}
