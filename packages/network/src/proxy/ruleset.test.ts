// The table as text, and the promise that increments lead to the same table as writing it whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint, EndpointSlice, Service } from '../kinds.ts';
import { service, slice } from '../testing/objects.ts';
import { TableImitation } from '../testing/table-imitation.ts';
import type { TableOptions } from './base-rules.ts';
import type { Fragment } from './fragment.ts';
import { diff, Ruleset, ruleset } from './ruleset.ts';

const OPTIONS: TableOptions = { table: 'tiphys', family: 4, podCidrs: ['10.244.0.0/16'], serviceCidrs: [], nodeIp: '192.0.2.10' };
const TOPOLOGY = { nodeName: 'node-1', zone: 'a' };

const model = (services: Service[], slices: EndpointSlice[]) => ruleset(services, slices, TOPOLOGY, OPTIONS);
/** Commands without hashes and the table's name, for reading. */
const readable = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/-[0-9A-F]{8}-/g, ':').replace('ip tiphys ', ''));

const web = service('web', '10.96.0.20', [{ port: 80 }]);
const remote = (ip: string, more: Partial<Endpoint> = {}): Endpoint => ({ addresses: [ip], nodeName: 'node-2', ...more });

test('a service appears, changes its endpoints, and goes', () => {
  const none = model([], []);
  const one = model([web], [slice('web', 8080, [remote('10.244.1.5')])]);
  const two = model([web], [slice('web', 8080, [remote('10.244.1.5'), '10.244.0.6'])]);
  const chain = 'service:default/web/tcp/';
  assert.deepEqual(readable(diff(none, one, OPTIONS)), [
    `add chain ${chain}`,
    `flush chain ${chain}`,
    `add rule ${chain} meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { 0 : 10.244.1.5 . 8080 }`,
    'add element cluster-ips { 10.96.0.20 }',
    `add element service-ips { 10.96.0.20 . tcp . 80 : goto ${chain} }`,
  ]);
  assert.deepEqual(readable(diff(one, two, OPTIONS)), [
    `add chain ${chain}`,
    `flush chain ${chain}`,
    `add rule ${chain} meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.0.6 . 8080, 1 : 10.244.1.5 . 8080 }`,
    'add element hairpin-connections { 10.244.0.6 . 10.244.0.6 . tcp . 8080 }',
  ]);
  assert.deepEqual(readable(diff(two, none, OPTIONS)), [
    'delete element hairpin-connections { 10.244.0.6 . 10.244.0.6 . tcp . 8080 }',
    'delete element cluster-ips { 10.96.0.20 }',
    `delete element service-ips { 10.96.0.20 . tcp . 80 : goto ${chain} }`.replace(` : goto ${chain}`, ''),
    `flush chain ${chain}`,
  ]);
  assert.equal(diff(two, two, OPTIONS), '');
});

const elementsOf = (services: Service[], slices: EndpointSlice[]) =>
  [...(model(services, slices).get('default/web')?.elements ?? [])].map(([key, value]) =>
    `${key} ${value}`.replaceAll(/-[0-9A-F]{8}-/g, ':').trim(),
  );

test('what a service without usable endpoints does', () => {
  const nodePort = service('web', '10.96.0.20', [{ port: 80, nodePort: 30080 }], { type: 'NodePort', externalTrafficPolicy: 'Local' });
  assert.deepEqual(elementsOf([nodePort], []), [
    'cluster-ips|10.96.0.20',
    'no-endpoint-services|10.96.0.20 . tcp . 80 goto reject-chain',
    'no-endpoint-nodeports|tcp . 30080 goto reject-chain',
  ]);
  // Endpoints elsewhere: inside the cluster it works, from outside nothing answers here.
  assert.deepEqual(elementsOf([nodePort], [slice('web', 8080, [remote('10.244.1.5')])]), [
    'cluster-ips|10.96.0.20',
    'service-ips|10.96.0.20 . tcp . 80 goto service:default/web/tcp/',
    'service-nodeports|tcp . 30080 goto external:default/web/tcp/',
    'no-endpoint-nodeports|tcp . 30080 drop',
  ]);
});

test('headless services, external names and other proxies are left alone', () => {
  const labelled = { ...web, metadata: { ...web.metadata, labels: { 'service.kubernetes.io/service-proxy-name': 'other' } } };
  const headless = service('web', 'None', [{ port: 80 }]);
  const alias = service('web', '', [], { type: 'ExternalName', externalName: 'example.com' });
  for (const each of [labelled, headless, alias]) assert.equal(model([each], []).size, 0);
});

const targets = (endpoints: Endpoint[], spec: Service['spec'] = {}) => {
  const found = model([service('web', '10.96.0.20', [{ port: 80 }], spec)], [slice('web', 8080, endpoints)]).get('default/web')!;
  return [...found.chains.values()].flat().flatMap((rule) => [...rule.matchAll(/10\.244\.\d+\.\d+/g)].map((match) => match[0]));
};

test('which endpoints are used', () => {
  const ending = remote('10.244.1.9', { conditions: { ready: false, serving: true, terminating: true } });
  const dead = remote('10.244.1.8', { conditions: { ready: false, serving: false, terminating: true } });
  assert.deepEqual(targets([remote('10.244.1.5'), ending, dead]), ['10.244.1.5']);
  assert.deepEqual(targets([ending, dead]), ['10.244.1.9'], 'those that still serve, when nothing is ready');
  const zoned = (ip: string, zone: string) => remote(ip, { hints: { forZones: [{ name: zone }] } });
  assert.deepEqual(targets([zoned('10.244.1.1', 'a'), zoned('10.244.1.2', 'b')]), ['10.244.1.1']);
  assert.deepEqual(targets([zoned('10.244.1.1', 'a'), remote('10.244.1.2')]).length, 2, 'hints count only when every endpoint has one');
  assert.deepEqual(targets([zoned('10.244.1.1', 'b')]).length, 1, 'and when one is meant for here');
  const here: Endpoint = { addresses: ['10.244.0.4'], nodeName: 'node-1' };
  assert.deepEqual(targets([here, remote('10.244.1.2')], { internalTrafficPolicy: 'Local' }), ['10.244.0.4']);
});

test('a new pod may have the address of one that terminates', () => {
  const endpoints = [remote('10.244.1.5'), remote('10.244.1.5', { conditions: { ready: false, terminating: true } })];
  assert.deepEqual(targets(endpoints), ['10.244.1.5']);
  assert.deepEqual(targets(endpoints.reverse()), ['10.244.1.5']);
});

const arbitraryService = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  endpoints: fc.uniqueArray(fc.constantFrom('10.244.0.1', '10.244.0.2', '10.244.0.3'), { maxLength: 3 }),
  sticky: fc.constantFrom(0, 60, 120),
  nodePort: fc.boolean(),
  local: fc.boolean(),
  ready: fc.boolean(),
  ports: fc.uniqueArray(fc.constantFrom(80, 81), { minLength: 1, maxLength: 2 }),
});

function worldOf(picks: readonly (typeof arbitraryService extends fc.Arbitrary<infer T> ? T : never)[]): [Service[], EndpointSlice[]] {
  const index = (name: string) => 'abc'.indexOf(name);
  const byName = new Map(picks.map((pick) => [pick.name, pick]));
  const services = [...byName.values()].map(({ name, sticky, nodePort, local, ports }) =>
    service(
      name,
      `10.96.0.${index(name) + 1}`,
      ports.map((port) => ({ name: `p${port}`, port, ...(nodePort ? { nodePort: 30_000 + port + 100 * index(name) } : {}) })),
      {
        ...(nodePort ? { type: 'NodePort' } : {}),
        ...(local ? { externalTrafficPolicy: 'Local' } : {}),
        ...(sticky ? { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: sticky } } } : {}),
      },
    ),
  );
  const slices = [...byName.values()].map(({ name, endpoints, ready }) =>
    slice(
      name,
      8080,
      endpoints.map((ip) => ({ addresses: [ip], nodeName: 'node-1', conditions: { ready, serving: ready } })),
      { ports: [80, 81].map((port) => ({ name: `p${port}`, protocol: 'TCP', port: 8000 + port })) },
    ),
  );
  return [services, slices];
}

test('any sequence of increments leads to the table that writing it whole gives', () => {
  fc.assert(
    fc.property(fc.array(fc.array(arbitraryService, { maxLength: 3 }), { minLength: 1, maxLength: 5 }), (worlds) => {
      const state = new Ruleset(OPTIONS);
      const kernel = new TableImitation();
      kernel.run(state.full());
      for (const picks of worlds) {
        const fresh = model(...worldOf(picks));
        const changes = new Map<string, Fragment | undefined>(fresh);
        for (const key of state.model.keys()) if (!changes.has(key)) changes.set(key, undefined);
        kernel.run(state.update(changes).text);
        const whole = new TableImitation();
        whole.run(state.full());
        assert.deepEqual(kernel.contents(), whole.contents());
      }
    }),
    { numRuns: 150 },
  );
});

test('the number of commands follows the change, not the number of services', () => {
  const state = new Ruleset(OPTIONS);
  const many = Array.from({ length: 2000 }, (_, index) => service(`s${index}`, `10.97.${index >> 8}.${index & 255}`, [{ port: 80 }]));
  state.update(model(many, []));
  const changed = model([many[7]!], [slice('s7', 80, ['10.244.0.1'])]);
  assert.ok(state.update(changed).text.split('\n').length < 10);
});
