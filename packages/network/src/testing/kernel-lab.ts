// A small network of its own for tests against the real kernel: one namespace as the node, with a bridge, and one per
// pod. Everything is removed by dispose(). Needs root; labOrSkip says so where it is missing.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { inNamespace, type RunProgram, runProgram } from '../run-program.ts';

/** Answers every TCP connection and every UDP datagram with its own name and the caller's address. */
const POD_SERVER = `
const [name, ...ports] = process.argv.slice(1);
const text = (address) => name + ' ' + address.replace('::ffff:', '') + '\\n';
let waiting = ports.length * 2;
const ready = () => --waiting === 0 && process.stdout.write('ready');
for (const port of ports) {
  require('net').createServer((socket) => { socket.on('error', () => {}); socket.end(text(socket.remoteAddress)); }).listen(+port, '0.0.0.0', ready);
  const udp = require('dgram').createSocket('udp4');
  udp.on('message', (_, peer) => udp.send(text(peer.address), peer.port, peer.address)).bind(+port, ready);
}`;

export interface KernelLab extends AsyncDisposable {
  /** Runs programs in the node's namespace. */
  node: RunProgram;
  nodeNamespace: string;
  /** Runs programs in a pod's namespace. */
  pod(name: string): RunProgram;
  /** A pod with this address on the bridge and a server on the ports. */
  addPod(name: string, ip: string, ports: readonly number[]): Promise<void>;
  /** What the server behind the address says, `refused`, or `silent` after a long wait: machines may be busy. */
  ask(from: 'node' | { pod: string }, address: string, port: number, protocol?: 'tcp' | 'udp', sourcePort?: number): Promise<string>;
  /** Whether nothing comes within a moment. */
  isSilent(from: { pod: string }, address: string, port: number): Promise<boolean>;
}

export const isRoot = process.getuid?.() === 0;
/** For node:test's `skip` option: false with root, else why not. */
export const skipWithoutRoot = isRoot ? false : 'needs root: network namespaces and nftables';

const ANSWER_MS_MAX = 20_000;
const SILENCE_MS = 1000;

const CLIENT = `
const [address, port, protocol, sourcePort, waitMs] = process.argv.slice(1);
const say = (text) => { process.stdout.write(text.trim()); process.exit(0); };
setTimeout(() => say('silent'), +waitMs);
const failed = (error) => say(error.code === 'ECONNREFUSED' ? 'refused' : error.code);
if (protocol === 'tcp') {
  require('net').connect(+port, address).on('data', (data) => say(String(data))).on('error', failed);
} else {
  const socket = require('dgram').createSocket('udp4');
  socket.on('error', failed).on('message', (data) => say(String(data)));
  socket.bind(+sourcePort, () => socket.connect(+port, address, () => socket.send('x')));
}`;

/** The node's side: the pods' bridge, and an interface to an outside world where nobody answers. */
async function setUpNode(node: RunProgram): Promise<void> {
  for (const line of [
    'ip link add bridge0 type bridge',
    'ip address add 10.244.0.1/24 dev bridge0',
    'ip link set bridge0 up',
    'ip link add outside0 type veth peer name outside1',
    'ip address add 192.0.2.10/24 dev outside0',
    'ip link set outside0 up',
    'ip link set outside1 up',
    'ip route add default via 192.0.2.1 dev outside0',
    'ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev outside0',
    'sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1',
  ]) {
    const [program, ...args] = line.split(' ') as [string, ...string[]];
    await node(program, args);
  }
}

export async function kernelLab(prefix: string): Promise<KernelLab> {
  const nodeNamespace = `${prefix}-node`;
  const namespaces: string[] = [];
  const servers: ChildProcess[] = [];
  const addNamespace = async (name: string) => {
    await runProgram('ip', ['netns', 'add', name]);
    namespaces.push(name);
    await inNamespace(name)('ip', ['link', 'set', 'lo', 'up']);
  };
  const node = inNamespace(nodeNamespace);
  const pod = (name: string) => inNamespace(`${prefix}-${name}`);
  const ask = (from: 'node' | { pod: string }, address: string, port: number, protocol: string, sourcePort: number, waitMs: number) => {
    const run = from === 'node' ? node : pod(from.pod);
    return run(process.execPath, ['-e', CLIENT, address, String(port), protocol, String(sourcePort), String(waitMs)]);
  };
  const lab: KernelLab = {
    node,
    nodeNamespace,
    pod,
    addPod: async (name, ip, ports) => {
      await addNamespace(`${prefix}-${name}`);
      const port = `v-${name}`;
      await node('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${prefix}-${name}`]);
      await node('ip', ['link', 'set', port, 'master', 'bridge0', 'up']);
      await node('bridge', ['link', 'set', 'dev', port, 'hairpin', 'on']);
      await pod(name)('ip', ['address', 'add', `${ip}/24`, 'dev', 'eth0']);
      await pod(name)('ip', ['link', 'set', 'eth0', 'up']);
      await pod(name)('ip', ['route', 'add', 'default', 'via', '10.244.0.1']);
      const args = ['netns', 'exec', `${prefix}-${name}`, process.execPath, '-e', POD_SERVER, name, ...ports.map(String)];
      const server = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      servers.push(server);
      await once(server.stdout, 'data');
    },
    ask: (from, address, port, protocol = 'tcp', sourcePort = 0) => ask(from, address, port, protocol, sourcePort, ANSWER_MS_MAX),
    isSilent: async (from, address, port) => (await ask(from, address, port, 'tcp', 0, SILENCE_MS)) === 'silent',
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) {
        server.kill('SIGKILL');
        if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      }
      for (const name of namespaces) await runProgram('ip', ['netns', 'delete', name]);
    },
  };
  try {
    await addNamespace(nodeNamespace);
    await setUpNode(node);
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
  return lab;
}
