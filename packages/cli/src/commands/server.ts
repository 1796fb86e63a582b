// `tiphys server join`: makes this machine a node, or a further server, of a cluster whose server runs on another.
import { resolve } from 'node:path';
import {
  type Cluster,
  dataFolder,
  isDataFolder,
  isJoinedServer,
  isServerToken,
  type JoinedMachine,
  joinMachine,
  joinServer,
  openDataFolder,
  parseToken,
} from '@tiphys/cluster';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { chosenDataDir, withDataDir } from '../data-dir.ts';
import { type ChildMessage, type LogOptions, logOf, runDetached, runForeground } from '../long-running.ts';
import { runFast } from '../memory.ts';
import { CommandError, type Terminal } from '../terminal.ts';

interface JoinFlags extends LogOptions {
  token?: string;
  caCertificateHash?: string;
  role?: 'node' | 'server';
  nodeName?: string;
  nodeAddress?: string;
  kubeletPort?: number;
  registries?: string;
  detach?: boolean;
  dataDir?: string;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('must be a port.');
  return value;
}

async function startNode(
  server: string | undefined,
  flags: JoinFlags,
  terminal: Terminal,
  report: (message: ChildMessage) => void,
): Promise<JoinedMachine> {
  const { token, caCertificateHash, nodeName, nodeAddress, kubeletPort, registries } = flags;
  const directory = chosenDataDir(flags, terminal);
  const machine = await joinMachine({
    directory,
    ...(server ? { server } : {}),
    ...(token ? { token } : {}),
    ...(caCertificateHash ? { authorityHash: caCertificateHash } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(nodeAddress ? { nodeAddress } : {}),
    ...(kubeletPort === undefined ? {} : { kubeletPort }),
    ...(registries ? { registryConfigurationDirectory: resolve(terminal.workingFolder, registries) } : {}),
    log: logOf(flags, terminal),
    onStep: (step) => report({ step }),
    onDone: (done) => report({ done }),
  });
  runFast();
  const ready = `
  On the server:  kubectl get nodes
  Here:           tiphys status            what runs
                  tiphys down              leave, and remove everything from this machine
`;
  report({ ready });
  return machine;
}

async function startServer(
  server: string | undefined,
  flags: JoinFlags,
  terminal: Terminal,
  report: (message: ChildMessage) => void,
): Promise<Cluster> {
  const { token, caCertificateHash, nodeAddress } = flags;
  const cluster = await joinServer({
    directory: chosenDataDir(flags, terminal),
    ...(server ? { server } : {}),
    ...(token ? { token } : {}),
    ...(caCertificateHash ? { authorityHash: caCertificateHash } : {}),
    ...(nodeAddress ? { nodeAddress } : {}),
    log: logOf(flags, terminal),
    onStep: (step) => report({ step }),
    onDone: (done) => report({ done }),
  });
  runFast();
  const ready = `
  This machine is a server of the cluster.

  kubectl --kubeconfig ${cluster.kubeconfig} get pods -A
  tiphys status            what runs
  tiphys down              leave, and remove everything from this machine
`;
  report({ ready });
  return cluster;
}

/** What the flag says; else what the folder is; else what the token is for. */
function roleOf({ role, token, ...flags }: JoinFlags, terminal: Terminal): 'node' | 'server' {
  const directory = chosenDataDir(flags, terminal);
  const isServer = isDataFolder(directory) && isJoinedServer(dataFolder(directory));
  if (isServer && role === 'node') throw new CommandError(`${directory} is that of a server. To join as a node take another --data-dir`);
  if (role !== undefined) return role;
  return isServer || (token !== undefined && isServerToken(parseToken(token))) ? 'server' : 'node';
}

export function addServerCommand(program: Command, terminal: Terminal): void {
  const server = program.command('server').description('machines of a cluster that runs on several');
  withDataDir(server.command('join'), terminal)
    .description('make this machine a node or a server of a cluster; tiphys token create, on its server, prints the whole command')
    .argument('[server]', 'such as https://192.0.2.1:6443; needed the first time only, as the token is')
    .option('--token <token>', 'what tiphys token create printed')
    .option('--ca-certificate-hash <hash>', "sha256:… of the cluster's authority, so that the server is known for certain")
    .addOption(new Option('--role <role>', 'what the machine becomes (default: what the token is for)').choices(['node', 'server']))
    .option('--node-name <name>', 'default: the host name in lower case')
    .option('--node-address <address>', 'at which other machines reach this one (default: the one that leads to the server)')
    .option('--kubelet-port <port>', "port of the node's HTTPS server (default: 10250; 0 takes a free one)", port)
    .option('--registries <folder>', 'with a HOST/hosts.toml for each registry that has a mirror')
    .option('-d, --detach', 'return once the machine is in the cluster and let it run')
    .option('-v, --verbose', 'write a log of what happens')
    .addOption(new Option('--logging-format <format>', 'of that log').choices(['text', 'json']))
    .action(async (url: string | undefined, flags: JoinFlags) => {
      const isServer = roleOf(flags, terminal) === 'server';
      if (flags.detach) return runDetached(openDataFolder(chosenDataDir(flags, terminal)), terminal);
      const parts = {
        start: (report: (message: ChildMessage) => void) => (isServer ? startServer : startNode)(url, flags, terminal, report),
        stopping: isServer ? 'Stopping the server' : 'Stopping containers and the node',
        stopped: 'Stopped. tiphys server join continues, tiphys down removes it.',
      };
      await runForeground(parts, terminal);
    });
}
