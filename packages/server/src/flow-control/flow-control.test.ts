// Priority and fairness in the real server: who goes on, who waits, who is turned away, and what the answers say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { flowcontrolv1 } from '@tiphys/api';
import type { ApiRequest, ApiResponse } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, virtualClock } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { type ApiServer, createApiServer } from '../api-server.ts';
import { FLOW_SCHEMAS, PRIORITY_LEVELS } from '../bootstrap/flow-control.ts';
import type { AdmissionPlugin } from '../interfaces.ts';
import { adjusted, flowPlan } from './configuration.ts';
import { RetryAfter } from './retry-after.ts';

const GROUP = '/apis/flowcontrol.apiserver.k8s.io/v1';
const admin = { name: 'admin', groups: ['system:masters'] };

async function withServer(
  run: (server: ApiServer, parts: Gate & { clock: ReturnType<typeof virtualClock> }) => Promise<void>,
  seats = 600,
): Promise<void> {
  const gate = gated();
  const clock = virtualClock();
  await using server = createApiServer({
    runtime: { ...realRuntime(), clock },
    store: memoryStore(),
    definitions: builtinDefinitions(),
    admission: [gate.plugin],
    flowControl: { seats },
  });
  await server.ready;
  for (const object of PRIORITY_LEVELS) await ask(server, { method: 'POST', url: `${GROUP}/prioritylevelconfigurations`, body: object });
  for (const object of FLOW_SCHEMAS) await ask(server, { method: 'POST', url: `${GROUP}/flowschemas`, body: object });
  await run(server, { ...gate, clock });
}

interface Gate {
  /** How many writes of configmaps stand at the gate. */
  standing(): number;
  open(): void;
}

/** Holds writes of configmaps until it is opened. */
function gated(): Gate & { plugin: AdmissionPlugin } {
  let standing = 0;
  const opened = Promise.withResolvers<void>();
  const plugin: AdmissionPlugin = {
    name: 'Gate',
    admit: async ({ type }) => {
      if (type.resource !== 'configmaps') return;
      standing++;
      await opened.promise;
    },
  };
  return { plugin, standing: () => standing, open: opened.resolve };
}

const ask = (server: ApiServer, request: Pick<ApiRequest, 'method' | 'url'> & Partial<ApiRequest>): Promise<ApiResponse> =>
  server.handle({ headers: { 'content-type': 'application/json' }, user: admin, ...request });

const metrics = async (server: ApiServer) => {
  const { body } = await ask(server, { method: 'GET', url: '/metrics' });
  return Buffer.from((body as { bytes: Uint8Array }).bytes).toString();
};

test('a flood of one user is queued and turned away, others and heartbeats go on', async () => {
  await withServer(async (server, { standing, open, clock }) => {
    const create = (name: string, user: ApiRequest['user']) =>
      ask(server, { method: 'POST', url: '/api/v1/namespaces/default/configmaps', body: { metadata: { name } }, user: user! });
    const flooder = { name: 'system:serviceaccount:x:flood', groups: ['system:serviceaccounts', 'system:authenticated'] };
    const flood = Array.from({ length: 1000 }, (_, i) => create(`flood-${i}`, flooder));
    await clock.advance(0);
    const executing = standing();
    assert.ok(executing >= 24 && executing <= 245, `seats of workload-low: ${executing}`);
    const other = create('other', { ...flooder, name: 'system:serviceaccount:y:quiet' });
    const node = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
    const lease = await ask(server, {
      method: 'POST',
      url: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
      body: { metadata: { name: 'a' } },
      user: node,
    });
    assert.equal(lease.status, 201);
    assert.match(await metrics(server), /current_inqueue_requests\{priority_level="workload-low",flow_schema="service-accounts"\} 301/);
    const turned = await Promise.all(flood.slice(executing + 301));
    assert.ok(turned.every(({ status }) => status === 429));
    assert.equal(turned[0]!.headers['retry-after'], '1');
    // Demand makes the level borrow from those that have nothing to do; who finds no seat even so gives up.
    await clock.advance(15_000);
    assert.ok(standing() > 2 * executing, `borrowed seats: ${standing()}`);
    open();
    const codes = (await Promise.all([...flood, other])).map(({ status }) => status);
    assert.deepEqual([...new Set(codes)].sort(), [201, 429]);
    const text = await metrics(server);
    assert.match(text, /rejected_requests_total\{priority_level="workload-low",flow_schema="service-accounts",reason="queue-full"\} \d+/);
    assert.match(text, /current_executing_requests\{priority_level="workload-low",flow_schema="service-accounts"\} 0/);
  });
});

test('nobody waits for a seat longer than a quarter of the time that the caller gives', async () => {
  await withServer(async (server, { open, clock }) => {
    const user = { name: 'someone', groups: ['system:authenticated'] };
    const url = '/api/v1/namespaces/default/configmaps?timeout=8s';
    let turnedAway = 0;
    const all = Array.from({ length: 50 }, async (_, i) => {
      const { status } = await ask(server, { method: 'POST', url, body: { metadata: { name: `m-${i}` } }, user });
      if (status === 429) turnedAway++;
    });
    await clock.advance(1999);
    assert.equal(turnedAway, 0);
    await clock.advance(1);
    assert.ok(turnedAway > 20);
    assert.match(await metrics(server), /reason="time-out"\} \d+/);
    open();
    await Promise.all(all);
  }, 12);
});

test('waiting requests go on when seats come free', async () => {
  await withServer(async (server, { standing, open, clock }) => {
    const user = { name: 'someone', groups: ['system:authenticated'] };
    const all = Array.from({ length: 250 }, (_, i) =>
      ask(server, { method: 'POST', url: '/api/v1/namespaces/default/configmaps', body: { metadata: { name: `m-${i}` } }, user }),
    );
    await clock.advance(0);
    assert.ok(standing() < 250);
    open();
    for (const { status } of await Promise.all(all)) assert.equal(status, 201);
  });
});

test('schemas say whether their level is there', async () => {
  await withServer(async (server, { clock }) => {
    const spec = { priorityLevelConfiguration: { name: 'lost' }, matchingPrecedence: 7000, rules: [] };
    await ask(server, { method: 'POST', url: `${GROUP}/flowschemas`, body: { metadata: { name: 'mine' }, spec } });
    const condition = async () => {
      await clock.advance(0);
      const { body } = await ask(server, { method: 'GET', url: `${GROUP}/flowschemas/mine` });
      return (body as { object: flowcontrolv1.FlowSchema }).object.status!.conditions!.map(({ status, reason, message }) => [
        status,
        reason,
        message,
      ]);
    };
    const start = 'This FlowSchema references the PriorityLevelConfiguration object named "lost"';
    assert.deepEqual(await condition(), [['True', 'NotFound', `${start} but there is no such object`]]);
    const body = { ...PRIORITY_LEVELS.find(({ metadata }) => metadata!.name === 'system')!, metadata: { name: 'lost' } };
    await ask(server, { method: 'POST', url: `${GROUP}/prioritylevelconfigurations`, body });
    assert.deepEqual(await condition(), [['False', 'Found', `${start} and it exists`]]);
  });
});

test('the default configuration gives upstream its limits', () => {
  const { levels, schemas } = flowPlan(PRIORITY_LEVELS, FLOW_SCHEMAS, 600);
  assert.deepEqual(Object.fromEntries(levels.map(({ name, nominal, lowest, listSeatsMax }) => [name, [nominal, lowest, listSeatsMax]])), {
    'catch-all': [13, 13, 0],
    exempt: [0, 0, 0],
    'global-default': [49, 24, 8],
    'leader-election': [25, 25, 4],
    'node-high': [98, 73, 15],
    system: [74, 50, 12],
    'workload-high': [98, 49, 15],
    'workload-low': [245, 24, 37],
  });
  assert.deepEqual(
    schemas.slice(0, 3).map(({ metadata }) => metadata!.name),
    ['exempt', 'probes', 'system-leader-election'],
  );
  assert.equal(schemas.at(-1)!.metadata!.name, 'catch-all');
  assert.deepEqual(
    flowPlan([], [], 600).levels.map(({ name }) => name),
    ['exempt', 'catch-all'],
  );
});

test('who needs seats borrows them from who does not', () => {
  const level = (nominal: number, lowest: number, highWatermark: number) => ({
    isExempt: false,
    nominal,
    lowest,
    highest: nominal + 100,
    highWatermark,
    smoothed: highWatermark,
  });
  const { limits } = adjusted([level(50, 10, 0), level(50, 50, 90)]);
  assert.equal(limits[0]! + limits[1]!, 100);
  assert.ok(limits[1]! > 80 && limits[0]! >= 10);
});

test('the longer many are turned away, the later they are asked to come again', () => {
  const retry = new RetryAfter();
  for (let second = 1; second <= 10; second++) for (let i = 0; i < 20; i++) retry.dropped(second * 1000);
  assert.ok(retry.seconds >= 4);
  for (let second = 100; second <= 1000; second += 40) retry.dropped(second * 1000);
  assert.ok(retry.seconds < 4);
});
