// Machines on one network, as network namespaces without names: they live in the processes that hold them, and are gone with those. Meant
// for a process that is in a namespace of its own, which becomes the switch (ip-link(8), bridge(8): state).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export interface Machine {
  address: string;
  /** Before a command, so that it runs there and ends with this process. */
  words: readonly string[];
  /** Nothing comes to it or from it, and nobody is told so. */
  cut(): void;
  mend(): void;
}

const SWITCH = 'switch0';
const NETWORK = '10.86.0';
const OWN_ADDRESS = 1;
const FIRST_ADDRESS = 11;
/** Of a bridge's port. */
const STATE = { disabled: 0, forwarding: 3 };

function run(line: string, words: readonly string[] = []): void {
  const [program, ...rest] = [...words, ...line.split(' ')];
  const { status, stderr, error } = spawnSync(program!, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${line}: ${stderr || error?.message}`);
}

const PROGRAMS = ['unshare --net true', 'nsenter --version', 'setpriv --version', 'ip -V', 'bridge -V'];

export function skipWithoutMachines(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'machines of their own network need root on Linux';
  const failing = PROGRAMS.find((line) => {
    const [program, ...words] = line.split(' ');
    return spawnSync(program!, words).status !== 0;
  });
  return failing ? `"${failing}" fails here` : false;
}

/** Before a command that is to have the switch for its network. */
export const SWITCH_WORDS: readonly string[] = ['unshare', '--net'];

async function machine(i: number): Promise<Machine & { holder: ChildProcess }> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const words = ['nsenter', `--net=/proc/${holder.pid}/ns/net`, 'setpriv', '--pdeathsig', 'KILL'];
  const address = `${NETWORK}.${FIRST_ADDRESS + i}`;
  const port = `port${i}`;
  run(`ip link add ${port} type veth peer name eth0 netns ${holder.pid}`);
  run(`ip link set ${port} master ${SWITCH} up`);
  run('ip link set lo up', words);
  run(`ip address add ${address}/24 dev eth0`, words);
  run('ip link set eth0 up', words);
  // `ip link set … type bridge_slave state` says nothing and does nothing.
  const turn = (state: number) => run(`bridge link set dev ${port} state ${state}`);
  return { address, words, holder, cut: () => turn(STATE.disabled), mend: () => turn(STATE.forwarding) };
}

export async function startMachines(count: number): Promise<{ machines: Machine[]; end(): void }> {
  run('ip link set lo up');
  run(`ip link add ${SWITCH} type bridge`);
  run(`ip address add ${NETWORK}.${OWN_ADDRESS}/24 dev ${SWITCH}`);
  run(`ip link set ${SWITCH} up`);
  const machines: (Machine & { holder: ChildProcess })[] = [];
  for (let i = 0; i < count; i++) machines.push(await machine(i));
  const end = () => {
    for (const { holder } of machines) holder.stdin!.end();
  };
  return { machines, end };
}
