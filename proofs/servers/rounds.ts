// One fault, or a restart of all servers one after the other, while clients and watchers go on; and what must hold of it.

import { setTimeout as delay } from 'node:timers/promises';
import type { ApiHandler } from '@tiphys/machinery';
import { type Random, seededRandom } from '@tiphys/runtime';
import { check } from '../linearizability/check.ts';
import { ask, versionOf } from '../linearizability/connection.ts';
import { type History, type Told, UNANSWERED } from '../linearizability/history.ts';
import { historyOf } from '../linearizability/workload.ts';
import type { Round } from '../proof.ts';
import { tenureOf } from './election.ts';
import { type Ensemble, FAULTS, type Part, type Server } from './ensemble.ts';
import { recorded } from './recorded.ts';
import { type Patience, Pulse, type RetryingHandler, retrying, within } from './retrying.ts';

const SIZE = { operations: 0, clients: 12, watchers: 12, patienceMs: 120_000 };
const PAUSE_MS = 15;
/** While something is broken; and when nothing is, or must not be felt. */
const IMPATIENT_MS = 8000;
const PATIENT_MS = 60_000;
/** Far more than anything takes that happens at all. */
const HAPPENS_WITHIN_MS = 120_000;
const LOOK_AGAIN_MS = 100;
const WRITES_BEFORE = 50;
const WRITES_DURING = 50;
const LONGER_MS_MAX = 2000;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const LED = ['kube-controller-manager', 'kube-scheduler'];

interface Scene extends Ensemble {
  clients: readonly RetryingHandler[];
  patience: Patience;
  pulse: Pulse;
  random: Random;
  namespaces: readonly string[];
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + HAPPENS_WITHIN_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${HAPPENS_WITHIN_MS} ms`);
    await delay(LOOK_AGAIN_MS);
  }
}

async function beats({ pulse, clients }: Scene, count: number, what: string): Promise<void> {
  const enough = pulse.writes + count;
  await until(`${count} writes are acknowledged ${what}`, () => pulse.writes >= enough).catch((error: Error) => {
    const troubles = clients.map(({ unanswered, lastTrouble }) => `${unanswered} unanswered, at last ${lastTrouble}`);
    throw new Error(`${error.message}; ${pulse.writes - enough + count} are; clients: ${troubles.join('; ')}`);
  });
}

async function made(client: ApiHandler, path: string, object: object): Promise<void> {
  const { code, object: answer } = await ask(client, 'POST', path, object);
  // It may be another try of the one that was not answered.
  if (code >= 300 && code !== 409) throw new Error(`${path} was answered with ${code}: ${answer?.message}`);
}

/** The controllers do their work: a Deployment gets a ReplicaSet, and that a Pod. */
async function controllersWork({ clients, namespaces }: Scene, what: string): Promise<void> {
  const [client, namespace] = [clients[0]!, namespaces[0]];
  const labels = { app: 'proof' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'example.com/c' }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'proof', namespace }, spec };
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await until(`a Deployment is taken ${what}`, async () => {
    await made(client, path, deployment).catch(() => undefined);
    return (await ask(client, 'GET', `${path}/proof`)).code === 200;
  });
  await until(`controllers make its Pod ${what}`, async () => {
    const { code, object } = await ask(client, 'GET', `/api/v1/namespaces/${namespace}/pods`);
    return code === 200 && object.items.length > 0;
  });
}

async function isLeading({ clients }: Scene, { identity }: Server): Promise<boolean> {
  const leases = await Promise.all(LED.map((name) => ask(clients[0]!, 'GET', `${LEASES}/${name}`)));
  return leases.some(({ code, object }) => code !== 200 || object.spec.holderIdentity === identity);
}

async function befalls(scene: Scene, part: Part, name: string): Promise<Round> {
  const fault = FAULTS[name]!;
  const what = `while ${part.name} is ${name}`;
  const server = scene.servers.find((one) => one === part);
  scene.patience.ms = IMPATIENT_MS;
  const led = server !== undefined && (await isLeading(scene, server));
  const begunMs = performance.now();
  await fault.begin(part);
  if (await part.answers()) throw new Error(`${part.name} answers ${what}`);
  await beats(scene, WRITES_DURING, what);
  if (led) await until(`others lead ${what}`, async () => !(await isLeading(scene, server)));
  const leaderlessMs = performance.now() - begunMs;
  await controllersWork(scene, what);
  await delay(scene.random.number() * LONGER_MS_MAX);
  await fault.end(part);
  const kind = `${part.name.split(' ')[0]}s ${name}`;
  return {
    done: 1,
    sums: { [kind]: 1, 'of them servers that led': led ? 1 : 0 },
    peaks: {
      [`milliseconds without an acknowledged write beside ${kind}`]: Math.round(scene.pulse.longestMs),
      ...(led ? { 'milliseconds until another server leads': Math.round(leaderlessMs) } : {}),
    },
    failures: [],
  };
}

/** As operators do to upgrade. No request of a client that retries fails. */
async function restartsAll(scene: Scene): Promise<Round> {
  scene.patience.ms = PATIENT_MS;
  for (const server of scene.servers) {
    await server.stop();
    await beats(scene, WRITES_DURING, `while ${server.name} is stopped`);
    await server.start();
    await beats(scene, WRITES_DURING, `after ${server.name} was started`);
  }
  await controllersWork(scene, 'after all servers were restarted');
  const failures = scene.clients
    .filter(({ unanswered }) => unanswered > 0)
    .map(({ unanswered, lastUnanswered }) => `in a rolling restart ${unanswered} requests failed, at last ${lastUnanswered}`);
  return {
    done: 1,
    sums: { 'restarts of all servers in turn': 1 },
    peaks: { 'milliseconds without an acknowledged write beside a rolling restart': Math.round(scene.pulse.longestMs) },
    failures,
  };
}

/** Everybody is there again, and knows the newest. */
async function allServe({ servers }: Scene): Promise<void> {
  for (const { name, handler } of servers) {
    await until(`${name} serves again`, async () => {
      const signal = AbortSignal.timeout(PATIENT_MS);
      const answer = await handler.handle({ method: 'GET', url: '/readyz', headers: {}, signal }).catch(() => undefined);
      return answer?.status === 200;
    });
  }
}

async function toldByEtcd({ members, namespaces }: Scene, start: number, end: number): Promise<Told[]> {
  const all = await recorded(members[0]!.endpoint, '/registry/configmaps/', start, end);
  return all.flatMap(({ type, key, revision, created, value }) => {
    const object = JSON.parse(value);
    if (!namespaces.includes(key.split('/')[3]!) || object.metadata.name === 'kube-root-ca.crt') return [];
    const told = type === 'delete' ? 'DELETED' : created ? 'ADDED' : 'MODIFIED';
    return [{ ...versionOf(object), revision, type: told } satisfies Told];
  });
}

async function tenures({ members }: Scene, { start }: History, end: number): Promise<Round> {
  const history = await recorded(members[0]!.endpoint, '/registry/leases/kube-system/', start, end);
  const tenures = LED.map((name) =>
    tenureOf(
      name,
      history.filter(({ key }) => key.endsWith(`/${name}`)),
    ),
  );
  return {
    done: 0,
    sums: { 'changes of who leads': tenures.reduce((sum, { changes }) => sum + changes, 0) },
    failures: tenures.flatMap(({ failures }) => failures),
  };
}

function summary({ operations, watches }: History): Record<string, number> {
  const writes = operations.filter(({ kind }) => kind !== 'get' && kind !== 'list');
  return {
    operations: operations.length,
    'writes acknowledged': writes.filter(({ code }) => code < 300).length,
    'writes whose outcome nobody told': writes.filter(({ code }) => code === UNANSWERED).length,
    watches: watches.length,
    'watch events': watches.reduce((sum, { told, initial }) => sum + told.length + initial.length, 0),
  };
}

export const PARTS = 6;
export const KINDS = Object.keys(FAULTS);
/** Each part is befallen by each fault in turn, and then all servers are restarted. */
export const ROUNDS_OF_A_TURN = PARTS * KINDS.length + 1;

/** Nobody knows from outside which revisions a server that was restarted has forgotten. */
const compacted = () => Number.POSITIVE_INFINITY;

export async function serversRound(ensemble: Ensemble, seed: number, index: number): Promise<Round> {
  const pulse = new Pulse();
  const patience = { ms: PATIENT_MS };
  const clients = ensemble.servers.map((_, i) =>
    retrying(
      ensemble.servers.map(({ handler }) => handler),
      i,
      patience,
      pulse,
    ),
  );
  const namespaces = [`red-${index}`, `blue-${index}`];
  const scene: Scene = { ...ensemble, clients, patience, pulse, random: seededRandom(seed), namespaces };
  for (const name of namespaces) await made(clients[0]!, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const over = Promise.withResolvers<void>();
  let end = 0;
  const writing = historyOf({ handlers: clients.map((client) => within(namespaces, client)), compacted }, seed, SIZE, {
    namespaces,
    until: over.promise,
    pauseMs: PAUSE_MS,
    recorded: (start, last) => {
      end = last;
      return toldByEtcd(scene, start, last);
    },
  });
  writing.catch(() => undefined);
  await beats(scene, WRITES_BEFORE, 'before anything happens');
  const turn = index % ROUNDS_OF_A_TURN;
  const happened =
    turn === ROUNDS_OF_A_TURN - 1
      ? await restartsAll(scene)
      : await befalls(scene, [...ensemble.servers, ...ensemble.members][turn % PARTS]!, KINDS[Math.floor(turn / PARTS)]!);
  patience.ms = PATIENT_MS;
  await allServe(scene);
  await beats(scene, WRITES_BEFORE, 'afterwards');
  over.resolve();
  const history = await writing;
  const held = await tenures(scene, history, end);
  return {
    done: 1,
    sums: { ...happened.sums, ...summary(history), ...held.sums },
    peaks: happened.peaks ?? {},
    failures: [...happened.failures, ...check(history), ...held.failures],
  };
}
