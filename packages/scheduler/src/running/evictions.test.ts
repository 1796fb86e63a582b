// Upstream's cases of carrying a preemption out as facts, against the real API server (framework/preemption executor_test.go and
// TestPreEnqueue in plugins/defaultpreemption default_preemption_test.go of v1.36.3; those of pod groups are behind a gate that is off).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { type Client, inProcessClient } from '@tiphys/client';
import { type ApiHandler, type ApiRequest, statusError } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import type { Plugin } from '../framework/plugin.ts';
import { podInfo } from '../world/infos.ts';
import { type BindingServices, bind } from './binding.ts';
import { type EvictionServices, Evictions, holdsBack, type UnderWay } from './evictions.ts';
import { takeBackNomination } from './refusal.ts';

type Pod = corev1.Pod;

const NAMESPACE = 'default';
const MESSAGE = 'default-scheduler: preempting to accommodate a higher priority pod';

interface Stage extends AsyncDisposable {
  client: Client;
  /** What was asked about pods since the start, as `patch victim1`. */
  asked: string[];
  events: string[];
  evictions: Evictions;
  services: EvictionServices;
  pod(name: string, status?: corev1.PodStatus, nodeName?: string): Promise<Pod>;
}

/** The server, which refuses to delete or change pods of the name `fail-victim…`, with pods that a test makes. */
async function stageOf(refused: 'PATCH' | 'DELETE' = 'DELETE'): Promise<Stage> {
  const runtime = { clock: virtualClock(), random: realRandom(), log: silentLogger };
  const server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const asked: string[] = [];
  const events: string[] = [];
  const handle = async (request: ApiRequest) => {
    const [, name = ''] = /\/pods\/([^/?]+)/.exec(request.url) ?? [];
    if (name && request.method !== 'GET') asked.push(`${request.method.toLowerCase()} ${name}`);
    if (request.method === refused && name.startsWith('fail-victim')) throw statusError.internal(`${refused} failed`);
    return server.handle(request);
  };
  const user = { name: 'test', groups: ['system:masters'] };
  const maker = inProcessClient({ handler: server, runtime, user });
  const client = inProcessClient({ handler: { handle } as ApiHandler, runtime, user });
  await maker.of(corev1.namespaces).create({ metadata: { name: NAMESPACE } });
  const recorder = {
    event: (about: Pod, _type: string, reason: string, note: string) => events.push(`${about.metadata?.name} ${reason}: ${note}`),
  };
  const services = {
    ...{ client, runtime, recorder, podOf: () => undefined },
    sendBack: () => false,
  } as unknown as EvictionServices;
  return {
    ...{ client, asked, events, services, evictions: new Evictions(services) },
    pod: async (name, status, nodeName = 'node1') => {
      const spec = { nodeName, containers: [{ name: 'container1', image: 'i' }] } as corev1.PodSpec;
      const made = await maker.of(corev1.pods).create({ metadata: { name, namespace: NAMESPACE }, spec });
      return status ? maker.of(corev1.pods).updateStatus({ ...made, status }) : made;
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await maker.close();
      await server.close();
    },
  };
}

const absent = (name: string): Pod => ({ metadata: { name, namespace: NAMESPACE, uid: name }, spec: { containers: [] } });
const named = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, generation: pod.metadata?.generation } });
const preemption = (victims: readonly Pod[]) => ({ nodeName: 'node1', victims: victims.map(podInfo) });
const preemptor = absent('preemptor');
const marked = {
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: MESSAGE, observedGeneration: 1 }],
};

interface Case {
  name: string;
  victims: (stage: Stage) => Promise<Pod[]>;
  refused?: 'PATCH' | 'DELETE';
  asked: string[];
  events: string[];
  fails?: true;
}

const PREPARED: readonly Case[] = [
  { name: 'no victims', victims: async () => [], asked: [], events: [] },
  {
    name: 'one victim',
    victims: async (stage) => [await stage.pod('victim1')],
    asked: ['patch victim1', 'delete victim1'],
    events: ['victim1'],
  },
  {
    name: 'one that is being deleted',
    victims: async (stage) => {
      const pod = await stage.pod('victim1');
      return [{ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }];
    },
    asked: [],
    events: [],
  },
  { name: 'one that is gone', victims: async () => [absent('not-found-victim')], asked: ['patch not-found-victim'], events: [] },
  {
    name: 'one that has the condition',
    victims: async (stage) => [await stage.pod('victim1', marked)],
    asked: ['delete victim1'],
    events: ['victim1'],
  },
  {
    name: 'one that has the condition and is gone',
    victims: async () => [{ ...absent('victim1'), metadata: { ...absent('victim1').metadata, generation: 1 }, status: marked }],
    asked: ['delete victim1'],
    events: [],
  },
  {
    name: 'one that has the condition and cannot be deleted',
    victims: async (stage) => [await stage.pod('fail-victim', marked)],
    asked: ['delete fail-victim'],
    events: [],
    fails: true,
  },
  {
    name: 'one that goes while it is marked',
    victims: async (stage) => {
      const pod = await stage.pod('victim1', marked);
      await stage.services.client.of(corev1.pods).delete('victim1', NAMESPACE, { gracePeriodSeconds: 0 });
      stage.asked.length = 0;
      return [pod];
    },
    asked: ['delete victim1'],
    events: [],
  },
  {
    name: 'one that cannot be marked',
    victims: async (stage) => [await stage.pod('fail-victim')],
    refused: 'PATCH',
    asked: ['patch fail-victim'],
    events: [],
    fails: true,
  },
  {
    name: 'two, and the first cannot be marked',
    victims: async (stage) => [await stage.pod('fail-victim'), await stage.pod('victim2')],
    refused: 'PATCH',
    asked: ['patch fail-victim'],
    events: [],
    fails: true,
  },
];
for (const one of PREPARED) {
  test(`victims are told: ${one.name}`, async () => {
    await using stage = await stageOf(one.refused);
    const victims = (await one.victims(stage)).map(named);
    const failure = await stage.evictions.run(preemptor, preemption(victims), 'default-scheduler').catch((error: Error) => error);
    assert.equal(failure !== undefined, one.fails ?? false);
    assert.deepEqual(stage.asked, one.asked);
    assert.deepEqual(
      stage.events,
      one.events.map((name) => `${name} Preempted: Preempted by pod preemptor on node node1`),
    );
    assert.equal(stage.evictions.holdsBack('preemptor'), false, 'nothing is under way afterwards');
  });
}

const FAILURES: readonly { victims: string[]; deleted: string[]; last: boolean }[] = [
  { victims: ['fail-victim'], deleted: [], last: true },
  { victims: ['victim1'], deleted: ['victim1'], last: true },
  { victims: ['fail-victim', 'victim2', 'victim3'], deleted: ['victim2'], last: false },
  { victims: ['victim1', 'fail-victim', 'victim3'], deleted: ['victim1'], last: false },
  { victims: ['fail-victim1', 'fail-victim2', 'victim3'], deleted: [], last: false },
  { victims: ['victim1', 'victim2', 'fail-victim'], deleted: ['victim1', 'victim2'], last: true },
  { victims: ['victim1', 'victim2', 'victim3'], deleted: ['victim1', 'victim2', 'victim3'], last: true },
];
test(`the last victim is told when all others are: ${FAILURES.length} cases`, async () => {
  for (const { victims, deleted, last } of FAILURES) {
    await using stage = await stageOf();
    const pods: Pod[] = [];
    for (const name of victims) pods.push(await stage.pod(name));
    const failure = await stage.evictions.run(preemptor, preemption(pods), 'default-scheduler').catch((error: Error) => error);
    assert.equal(failure === undefined, deleted.length === victims.length, `${victims}`);
    assert.equal(stage.asked.includes(`delete ${victims.at(-1)}`), last, `${victims}`);
    assert.deepEqual(stage.events.map((text) => text.split(' ')[0]).sort(), deleted, `${victims}`);
  }
});

test('who is held back meanwhile: 6 cases', async () => {
  for (const count of [0, 1, 2]) {
    await using stage = await stageOf();
    const pods: Pod[] = [];
    for (let index = 1; index <= count; index++) pods.push(await stage.pod(`victim${index}`));
    let there: Pod | undefined = pods.at(-1);
    const seen: boolean[] = [];
    const sendBack = () => {
      seen.push(evictions.holdsBack('preemptor'));
      return false;
    };
    const evictions = new Evictions({ ...stage.services, sendBack, podOf: () => there });
    await evictions.run(preemptor, preemption(pods), 'default-scheduler');
    assert.deepEqual(seen, Array(count).fill(true));
    there = undefined;
    assert.equal(evictions.holdsBack('preemptor'), false);
  }
  // The pod itself, another, and another of its group, which no gate makes one with it.
  await using stage = await stageOf();
  const victim = await stage.pod('victim1');
  const held: boolean[] = [];
  const evictions: Evictions = new Evictions({
    ...stage.services,
    podOf: () => victim,
    sendBack: () => {
      held.push(...['preemptor', 'p_other', 'p_group'].map((uid) => evictions.holdsBack(uid)));
      return true;
    },
  });
  await evictions.run(preemptor, preemption([victim]), 'default-scheduler');
  assert.deepEqual(held, [true, false, false]);
});

test('whether a preemption is under way: 6 cases', () => {
  const going: Pod = {
    ...absent('victim-deleted'),
    metadata: { ...absent('victim-deleted').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  };
  const held = (underWay: UnderWay | undefined, ...pods: Pod[]) =>
    holdsBack(underWay, (name) => pods.find(({ metadata }) => metadata?.name === name));
  assert.equal(held(undefined), false);
  assert.equal(held(undefined, absent('victim1')), false);
  assert.equal(held({}), true);
  assert.equal(held({ last: absent('victim1') }), false);
  assert.equal(held({ last: absent('victim1') }, absent('victim1'), absent('victim2')), true);
  assert.equal(held({ last: going }, absent('victim1'), going), false);
});

test('a promise is taken back from who has one: 2 cases', async () => {
  await using stage = await stageOf();
  const promised = await stage.pod('foo', { nominatedNodeName: 'node1' }, '');
  await takeBackNomination({ metadata: promised.metadata!, status: { nominatedNodeName: '' } }, stage.services);
  assert.deepEqual(stage.asked, []);
  await takeBackNomination(promised, stage.services);
  assert.deepEqual(stage.asked, ['patch foo']);
  assert.equal((await stage.client.of(corev1.pods).get('foo', NAMESPACE)).status?.nominatedNodeName, undefined);
});

/** Prepares a binding that never ends by itself; resolves to how it ended. */
async function sentBack(stage: Stage, pod: Pod, prepares: { waitMs?: number; preBind?: (signal: AbortSignal) => Promise<void> }) {
  const controller = new AbortController();
  let isPreparing = false;
  const services: BindingServices = {
    ...{ client: stage.client, runtime: stage.services.runtime, recorder: stage.services.recorder },
    preparing: () => {
      isPreparing = true;
      return controller.signal;
    },
    prepared: () => {
      isPreparing = false;
    },
  };
  const waiting: Plugin = { name: 'waiting', events: {}, permit: () => (prepares.waitMs ? { waitMs: prepares.waitMs } : 'allow') };
  const all = prepares.preBind ? [{ preBind: prepares.preBind }] : [];
  const bound = bind(podInfo(pod), 'node1', [waiting], { all, undo: () => undefined }, services).then(
    () => 'bound',
    (error: Error) => error.message,
  );
  const sendBack = () => {
    if (isPreparing) controller.abort(new Error('preempted'));
    return isPreparing;
  };
  const evictions = new Evictions({ ...stage.services, sendBack });
  await evictions.run(preemptor, preemption([pod]), 'default-scheduler');
  return bound;
}

test('a victim whose binding is being prepared, or has to wait, is sent back: 3 cases', async () => {
  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const note = 'v Preempted: Preempted by pod preemptor on node node1';
  for (const prepares of [{ preBind: untilAborted }, { waitMs: 10_000 }]) {
    await using stage = await stageOf();
    const pod = await stage.pod('v', undefined, '');
    assert.equal(await sentBack(stage, pod, prepares), 'preempted');
    assert.deepEqual(stage.asked, []);
    assert.deepEqual(stage.events, [`${note} (in kube-scheduler memory).`]);
  }
  await using stage = await stageOf();
  await stage.evictions.run(preemptor, preemption([await stage.pod('v')]), 'default-scheduler');
  assert.deepEqual([stage.asked, stage.events], [['patch v', 'delete v'], [note]]);
});
