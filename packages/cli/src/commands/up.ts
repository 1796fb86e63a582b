// `tiphys up`: a cluster in the foreground, or with --detach in a process of its own.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { addContext } from '@tiphys/client';
import {
  type Cluster,
  type ClusterConfiguration,
  completeConfiguration,
  type DataFolder,
  isDataFolder,
  type NodeRuntime,
  openDataFolder,
  parseConfiguration,
  runningOn,
  startCluster,
} from '@tiphys/cluster';
import { type Logger, logger, realClock } from '@tiphys/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { chosenDataDir, withDataDir } from '../data-dir.ts';
import { type EtcdFlags, etcdConfiguration, withEtcdFlags } from '../etcd-flags.ts';
import { frugalEnvironment, runFast } from '../memory.ts';
import { CommandError, progress, type Terminal } from '../terminal.ts';

interface UpOptions extends EtcdFlags {
  detach?: boolean;
  dataDir?: string;
  port?: number;
  runtime?: NodeRuntime;
  nodes?: number;
  config?: string;
  verbose?: boolean;
  loggingFormat?: string;
  userKubeconfig: boolean;
}

export const CONTEXT_NAME = 'tiphys';

/** What a detached child tells the process that started it. */
type ChildMessage = { step: string } | { done: string } | { ready: string } | { failed: string };

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

function configurationOf(options: UpOptions, terminal: Terminal): ClusterConfiguration {
  const path = options.config ? resolve(terminal.workingFolder, options.config) : undefined;
  if (path && !existsSync(path)) throw new CommandError(`${path}: no such file`);
  const fromFile = path ? parseConfiguration(readFileSync(path, 'utf8'), path) : {};
  const { port, runtime, nodes } = options;
  const flags = Object.fromEntries(Object.entries({ port, runtime, nodes }).filter(([, value]) => value !== undefined));
  return completeConfiguration({ ...fromFile, ...flags, ...etcdConfiguration(options, terminal) });
}

function refuseSecondStart(path: string): void {
  if (!isDataFolder(path)) return;
  const running = runningOn(openDataFolder(path));
  if (running)
    throw new CommandError(
      `a cluster already runs on ${path} (process ${running.pid}, ${running.url}). tiphys status shows it, tiphys down stops it.`,
    );
}

function usage(cluster: Cluster, folder: DataFolder, merged: boolean): string {
  const kubectl = merged ? 'kubectl' : `kubectl --kubeconfig ${folder.kubeconfig}`;
  return `
The cluster is ready at ${cluster.url}.

  ${kubectl} get pods -A          ${merged ? `(context ${CONTEXT_NAME}; ` : '('}or without kubectl: tiphys get pods -A)
  tiphys status                what runs and how it is
  tiphys down                  stop it and remove everything
`;
}

/** Warnings and errors only. */
function quiet(log: Logger): Logger {
  return { ...log, info: () => undefined, debug: () => undefined, named: (component) => quiet(log.named(component)) };
}

async function startHere(options: UpOptions, terminal: Terminal, report: (message: ChildMessage) => void): Promise<Cluster> {
  const configuration = configurationOf(options, terminal);
  const folder = openDataFolder(chosenDataDir(options, terminal));
  const log = logger({
    clock: realClock(),
    write: (line) => terminal.error(`${line}\n`),
    debug: options.verbose ?? false,
    ...(options.loggingFormat === 'json' ? { format: 'json' as const } : {}),
  });
  const cluster = await startCluster({
    ...configuration,
    directory: folder.path,
    log: options.verbose ? log : quiet(log),
    onStep: (step) => report({ step }),
    onDone: (done) => report({ done }),
  });
  runFast();
  let merged = false;
  if (options.userKubeconfig) {
    try {
      await addContext(folder.kubeconfig, CONTEXT_NAME, terminal.environment);
      merged = true;
    } catch (error) {
      terminal.error(`warning: could not add the context ${CONTEXT_NAME} to your kubeconfig: ${(error as Error).message}\n`);
    }
  }
  report({ ready: usage(cluster, folder, merged) });
  return cluster;
}

function untilAsked(): Promise<NodeJS.Signals> {
  return new Promise((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => settle(signal));
  });
}

async function runForeground(options: UpOptions, terminal: Terminal): Promise<void> {
  const { step, done } = progress(terminal);
  const toParent = process.send?.bind(process);
  const report = (message: ChildMessage) => {
    if (toParent && process.connected) {
      toParent(message);
      return;
    }
    if ('step' in message) step(message.step);
    else if ('done' in message) done(message.done);
    else if ('ready' in message) terminal.error(message.ready);
  };
  let cluster: Cluster;
  try {
    cluster = await startHere(options, terminal, report);
  } catch (error) {
    if (toParent && process.connected) report({ failed: error instanceof Error ? error.message : String(error) });
    throw error;
  }
  if (process.connected) process.disconnect?.();
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  await untilAsked();
  step('Stopping containers and the control plane');
  await cluster.close();
  clearInterval(keepAlive);
  done('Stopped. The state is kept; tiphys up continues with it, tiphys down removes it.');
}

/** Starts the same program again without a terminal and waits until it says ready or fails. */
async function runDetached(options: UpOptions, terminal: Terminal): Promise<void> {
  const folder = openDataFolder(chosenDataDir(options, terminal));
  const log = openSync(folder.logFile, 'a', 0o600);
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    cwd: terminal.workingFolder,
    env: frugalEnvironment(process.env),
  });
  closeSync(log);
  const { step, done } = progress(terminal);
  await new Promise<void>((settle, reject) => {
    child.on('message', (message: ChildMessage) => {
      if ('step' in message) step(message.step);
      else if ('done' in message) done(message.done);
      else if ('failed' in message) reject(new CommandError(message.failed));
      else {
        terminal.error(message.ready);
        settle();
      }
    });
    child.on('exit', (code) => reject(new CommandError(`the cluster's process ended with code ${code}; see ${folder.logFile}`)));
  });
  if (child.connected) child.disconnect();
  child.unref();
}

export function addUpCommand(program: Command, terminal: Terminal): void {
  withEtcdFlags(withDataDir(program.command('up'), terminal))
    .description('start a cluster, in the foreground unless --detach is given')
    .option('-d, --detach', 'return once the cluster is ready and let it run')
    .option('--port <port>', 'port of the API server (default: 6443; 0 takes a free one)', wholeNumber)
    .addOption(
      new Option('--runtime <runtime>', 'real containers, or simulated nodes (default: auto, which takes containerd where it can)').choices(
        ['auto', 'containerd', 'simulated'],
      ),
    )
    .option('--nodes <count>', 'how many nodes (default: 1; more than one are simulated)', wholeNumber)
    .option('--config <file>', 'a ClusterConfiguration file; flags win over it')
    .option('--no-user-kubeconfig', `do not add the context ${CONTEXT_NAME} to your kubeconfig`)
    .option('-v, --verbose', 'write a log of what happens')
    .addOption(new Option('--logging-format <format>', 'of that log').choices(['text', 'json']))
    .action(async (options: UpOptions) => {
      refuseSecondStart(chosenDataDir(options, terminal));
      configurationOf(options, terminal);
      await (options.detach ? runDetached(options, terminal) : runForeground(options, terminal));
    });
}
