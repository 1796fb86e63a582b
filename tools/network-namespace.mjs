// A network of their own for the end-to-end tests, on a machine whose pod network a person's cluster has already.
import { spawnSync } from 'node:child_process';

const BRIDGE = 'tiphys0';

const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' });

/** An outside world where nobody answers: services are reached by a default route. */
const LINES = [
  'link set lo up',
  'link add outside0 type veth peer name outside1',
  'address add 192.0.2.10/24 dev outside0',
  'link set outside0 up',
  'link set outside1 up',
  'route add default via 192.0.2.1',
];

/**
 * Words to put before a command so that it runs in a fresh network namespace, and how to remove that; undefined when the machine's
 * own network is free or none can be made.
 */
export function ownNetwork() {
  if (process.getuid?.() !== 0 || ip('link', 'show', 'dev', BRIDGE).status !== 0) return undefined;
  const name = `tiphys-test-${process.pid}`;
  if (ip('netns', 'add', name).status !== 0) return undefined;
  const remove = () => ip('netns', 'delete', name);
  for (const line of LINES) {
    if (ip('-netns', name, ...line.split(' ')).status === 0) continue;
    remove();
    return undefined;
  }
  // `ip netns exec` would hide the control groups.
  return { words: ['nsenter', `--net=/run/netns/${name}`], remove };
}
