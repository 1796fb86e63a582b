// The ways to other machines' pods: for each node that says at which address its machine is reached, a route to its pod range.
// Machines that share a network need no more (upstream: route controllers of cloud providers, or a network plugin's).
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { readNetwork } from '@tiphys/machinery';
import type { Runtime, Timer } from '@tiphys/runtime';
import { type RunProgram, runProgram } from '../run-program.ts';

/** On a node: the address at which other machines reach its machine. */
export const MACHINE_ADDRESS = 'tiphys.dev/machine-address';

/** The kernel keeps who made a route; this number (rtnetlink's RTPROT) is nobody else's in iproute2's list. */
const PROTOCOL = '84';
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;

export interface Route {
  /** A pod range. */
  to: string;
  via: string;
}

const textOf = ({ to, via }: Route) => `${to} ${via}`;

export interface OwnPlace {
  nodeName: string;
  /** The machine's own. */
  machineAddress: string;
  /** All pods' addresses: nodes say their ranges themselves, and no route leads elsewhere. */
  clusterCidr: string;
}

const isPart = (outer: string, inner: string): boolean => {
  const [whole, part] = [readNetwork(outer)?.masked, readNetwork(inner)?.masked];
  return whole !== undefined && part !== undefined && whole.length <= part.length && whole.contains(part.ip);
};

/** The routes to the other nodes' pods, one per range. Pure. */
export function routesTo(nodes: readonly corev1.Node[], { nodeName, machineAddress, clusterCidr }: OwnPlace): Route[] {
  const found = new Map<string, Route>();
  const own = nodes.find(({ metadata }) => metadata!.name === nodeName)?.spec?.podCIDR ?? '';
  for (const { metadata, spec } of [...nodes].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1))) {
    const to = spec?.podCIDR ?? '';
    const via = metadata!.annotations?.[MACHINE_ADDRESS] ?? '';
    // Two nodes on one machine need no route.
    if (metadata!.name === nodeName || via === machineAddress || !ADDRESS.test(via) || found.has(to)) continue;
    if (isPart(clusterCidr, to) && !isPart(to, own) && !isPart(own, to)) found.set(to, { to, via });
  }
  return [...found.values()];
}

/** What makes `wanted` of what is there, as arguments of `ip route`. Pure. */
export function routeChanges(present: readonly Route[], wanted: readonly Route[]): string[][] {
  const there = new Set(present.map(textOf));
  const kept = new Set(wanted.map(({ to }) => to));
  return [
    ...present.filter(({ to }) => !kept.has(to)).map(({ to }) => ['del', to, 'proto', PROTOCOL]),
    ...wanted.filter((route) => !there.has(textOf(route))).map(({ to, via }) => ['replace', to, 'via', via, 'proto', PROTOCOL]),
  ];
}

interface ListedRoute {
  dst: string;
  gateway?: string;
}

async function presentRoutes(run: RunProgram): Promise<Route[]> {
  const text = await run('ip', ['-json', '-4', 'route', 'show', 'proto', PROTOCOL]);
  return (JSON.parse(text || '[]') as ListedRoute[]).map(({ dst, gateway = '' }) => ({ to: dst, via: gateway }));
}

/** Removes every route that a node of ours made. */
export async function removeRoutes(run: RunProgram = runProgram): Promise<void> {
  for (const change of routeChanges(await presentRoutes(run).catch(() => []), [])) await run('ip', ['route', ...change]).catch(() => {});
}

const GATHER_MS = 5;
/** Routes that the machine lost, as when an interface went down and came back, are made again. */
const LOOK_AGAIN_MS = 30_000;

export interface RoutesOptions extends OwnPlace {
  /** May read nodes. */
  client: Client;
  runtime: Runtime;
  run?: RunProgram;
}

export interface Routes {
  /** Leaves the routes: containers may run on. */
  stop(): Promise<void>;
}

/** Follows the nodes and keeps the routes; resolves when they are there for the first time. */
export async function startRoutes(options: RoutesOptions): Promise<Routes> {
  const { runtime, run = runProgram } = options;
  const informer = options.client.informer(corev1.nodes);
  let timer: Timer | undefined;
  let dueMs = Number.POSITIVE_INFINITY;
  let working: Promise<void> = Promise.resolve();
  let stopped = false;
  const look = async () => {
    if (stopped) return;
    try {
      const wanted = routesTo(informer.list(), options);
      for (const change of routeChanges(await presentRoutes(run), wanted)) {
        // One machine that can't be reached is no reason to leave out the others.
        await run('ip', ['route', ...change]).catch((error) => runtime.log.error('a route to the pods of a machine was refused', error));
      }
    } catch (error) {
      runtime.log.error('the routes to other machines could not be read', error);
    }
    schedule(LOOK_AGAIN_MS);
  };
  const schedule = (delayMs: number) => {
    const atMs = runtime.clock.monotonicMs() + delayMs;
    if (stopped || (timer && dueMs <= atMs)) return;
    timer?.cancel();
    dueMs = atMs;
    timer = runtime.clock.after(delayMs, () => {
      timer = undefined;
      working = working.then(look);
    });
  };
  const changed = () => schedule(GATHER_MS);
  await informer.synced();
  const unsubscribe = informer.subscribe({
    added: changed,
    deleted: changed,
    // Heartbeats change nothing here.
    updated: (node, old) => {
      if (textsOf(node) !== textsOf(old)) changed();
    },
  });
  await look();
  return {
    stop: async () => {
      stopped = true;
      unsubscribe();
      timer?.cancel();
      await working;
    },
  };
}

const textsOf = ({ metadata, spec }: corev1.Node) => `${spec?.podCIDR} ${metadata!.annotations?.[MACHINE_ADDRESS]}`;
