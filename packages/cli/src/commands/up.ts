// `tiphys up`: a cluster in the foreground, or with --detach in a process of its own.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { addContext } from '@tiphys/client';
import {
  type Cluster,
  type ClusterConfiguration,
  completeConfiguration,
  type DataFolder,
  isDataFolder,
  isJoinedServer,
  type NodeRuntime,
  openDataFolder,
  parseConfiguration,
  runningOn,
  startCluster,
} from '@tiphys/cluster';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { chosenDataDir, withDataDir } from '../data-dir.ts';
import { type EtcdFlags, etcdConfiguration, withEtcdFlags } from '../etcd-flags.ts';
import { type ChildMessage, type LogOptions, logOf, runDetached, runForeground } from '../long-running.ts';
import { runFast } from '../memory.ts';
import { CommandError, type Terminal } from '../terminal.ts';

interface UpOptions extends EtcdFlags, LogOptions {
  detach?: boolean;
  dataDir?: string;
  port?: number;
  runtime?: NodeRuntime;
  nodes?: number;
  config?: string;
  userKubeconfig: boolean;
}

export const CONTEXT_NAME = 'tiphys';

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
  const folder = openDataFolder(path);
  if (isJoinedServer(folder))
    throw new CommandError(`${path} is that of a server that joined a cluster. Start it with: tiphys server join --data-dir ${path}`);
  const running = runningOn(folder);
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

async function startHere(options: UpOptions, terminal: Terminal, report: (message: ChildMessage) => void): Promise<Cluster> {
  const configuration = configurationOf(options, terminal);
  const folder = openDataFolder(chosenDataDir(options, terminal));
  const cluster = await startCluster({
    ...configuration,
    directory: folder.path,
    log: logOf(options, terminal),
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
      if (options.detach) return runDetached(openDataFolder(chosenDataDir(options, terminal)), terminal);
      const parts = {
        start: (report: (message: ChildMessage) => void) => startHere(options, terminal, report),
        stopping: 'Stopping containers and the control plane',
        stopped: 'Stopped. The state is kept; tiphys up continues with it, tiphys down removes it.',
      };
      await runForeground(parts, terminal);
    });
}
