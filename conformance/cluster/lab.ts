// Machines on this one: network namespaces with an address each on one network, whose way out leads to nobody. The program that asks
// for them is run again inside the first, so that it reaches pods, Services and nodes as a program on a node does.
import { spawn, spawnSync } from 'node:child_process';

export interface Machine {
  nodeName: string;
  address: string;
  /** To be put before a command, so that it runs there. Not `ip netns exec`, which hides the cgroups. */
  words: readonly string[];
}

/** Reserved for documentation, so that it is nobody's (RFC 5737). */
const NETWORK = '192.0.2';
const OUTSIDE = 254;
export const MACHINES_MAX = 100;
/** Tells the program inside which lab it is in: its name and how many machines it has. */
const VARIABLE = 'TIPHYS_CONFORMANCE_LAB';

const namespaceOf = (lab: string, index: number) => `${lab}-${index}`;

function machinesOf(lab: string, count: number): Machine[] {
  return Array.from({ length: count }, (_, index) => ({
    nodeName: `node-${index + 1}`,
    address: `${NETWORK}.${index + 1}`,
    words: ['nsenter', `--net=/run/netns/${namespaceOf(lab, index)}`],
  }));
}

function ip(line: string): void {
  const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${line}: ${stderr.trim()}`);
}

function build(lab: string, count: number): void {
  const outside = `${lab}-outside`;
  ip(`netns add ${outside}`);
  ip(`-netns ${outside} link add lan type bridge`);
  ip(`-netns ${outside} address add ${NETWORK}.${OUTSIDE}/24 dev lan`);
  ip(`-netns ${outside} link set lan up`);
  for (const [index, { address }] of machinesOf(lab, count).entries()) {
    const namespace = namespaceOf(lab, index);
    ip(`netns add ${namespace}`);
    ip(`-netns ${namespace} link set lo up`);
    ip(`-netns ${outside} link add port${index} type veth peer name lan netns ${namespace}`);
    ip(`-netns ${outside} link set port${index} master lan up`);
    ip(`-netns ${namespace} address add ${address}/24 dev lan`);
    ip(`-netns ${namespace} link set lan up`);
    // Services are reached by a route for their addresses, which this is.
    ip(`-netns ${namespace} route add default via ${NETWORK}.${OUTSIDE}`);
  }
}

function remove(lab: string, count: number): void {
  const namespaces = [`${lab}-outside`, ...Array.from({ length: count }, (_, index) => namespaceOf(lab, index))];
  for (const namespace of namespaces) spawnSync('ip', ['netns', 'delete', namespace]);
}

/** The machines, where this program runs in the first of them. */
export function labOfProcess(): Machine[] | undefined {
  const [lab, count] = process.env[VARIABLE]?.split(' ') ?? [];
  return lab ? machinesOf(lab, Number(count)) : undefined;
}

/** Runs this program again, with the same arguments, in the first of as many machines. Resolves with its exit code. */
export async function runInLab(count: number): Promise<number> {
  const lab = `tiphys-lab-${process.pid}`;
  let child: ReturnType<typeof spawn> | undefined;
  // Ctrl-C in a terminal reaches the program inside by itself.
  const passOn = (signal: NodeJS.Signals) => {
    if (signal === 'SIGTERM' || !process.stdin.isTTY) child?.kill(signal);
  };
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  try {
    build(lab, count);
    const [program, ...words] = machinesOf(lab, count)[0]!.words;
    const env = { ...process.env, [VARIABLE]: `${lab} ${count}` };
    child = spawn(program!, [...words, process.execPath, ...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env });
    return await new Promise<number>((settle, fail) => child!.once('error', fail).once('exit', (code) => settle(code ?? 1)));
  } finally {
    process.off('SIGINT', passOn).off('SIGTERM', passOn);
    remove(lab, count);
  }
}
