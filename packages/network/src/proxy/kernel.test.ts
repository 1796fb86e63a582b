// The rules in the real kernel: what a client gets when it connects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Service } from '../kinds.ts';
import { kernelLab, skipWithoutRoot } from '../testing/kernel-lab.ts';
import { service, slice } from '../testing/objects.ts';
import { removalCommands, type TableOptions } from './base-rules.ts';
import { cleanFlows } from './conntrack.ts';
import { Ruleset, ruleset } from './ruleset.ts';

const OPTIONS: TableOptions = {
  table: 'tiphys',
  family: 4,
  podCidrs: ['10.244.0.0/16'],
  serviceCidrs: ['10.96.0.0/12'],
  nodeIp: '192.0.2.10',
};
const TOPOLOGY = { nodeName: 'node-1', zone: '' };

test('services in the kernel', { skip: skipWithoutRoot }, async (t) => {
  await using lab = await kernelLab('tiphys-proxy');
  await Promise.all([
    lab.addPod('a', '10.244.0.11', [8080, 9090]),
    lab.addPod('b', '10.244.0.12', [8080, 9090]),
    lab.addPod('c', '10.244.0.13', [8080]),
  ]);
  const kernel = new Ruleset(OPTIONS);
  const load = (input: string) => lab.node('nft', ['-f', '-'], { input });
  await load(kernel.full());
  const set = async (services: Service[], slices: EndpointSlice[]) => {
    const fresh = ruleset(services, slices, TOPOLOGY, OPTIONS);
    const changes = new Map([...[...kernel.model.keys()].map((key) => [key, undefined] as const), ...fresh]);
    await load(kernel.update(changes).text);
  };
  const many = async (count: number, ask: () => Promise<string>) => new Set(await Promise.all(Array.from({ length: count }, ask)));
  const web = service('web', '10.96.0.20', [{ port: 80, nodePort: 30080 }], { type: 'NodePort' });
  const both = slice('web', 8080, ['10.244.0.11', '10.244.0.12']);

  await t.test('a cluster address reaches every endpoint with the client pod as its source', async () => {
    await set([web], [both]);
    assert.deepEqual(await many(12, () => lab.ask({ pod: 'c' }, '10.96.0.20', 80)), new Set(['a 10.244.0.13', 'b 10.244.0.13']));
    assert.match(await lab.ask('node', '10.96.0.20', 80), /^[ab] /);
  });
  await t.test('a pod reaches itself through its own service', async () => {
    await set([web], [slice('web', 8080, ['10.244.0.11'])]);
    assert.equal(await lab.ask({ pod: 'a' }, '10.96.0.20', 80), 'a 10.244.0.1');
  });
  await t.test('a node port answers on every address of the node, from the node and from pods', async () => {
    assert.match(await lab.ask('node', '192.0.2.10', 30080), /^a /);
    assert.match(await lab.ask({ pod: 'c' }, '192.0.2.10', 30080), /^a /);
    assert.match(await lab.ask({ pod: 'a' }, '10.244.0.1', 30080), /^a /);
  });
  await t.test('other ports of a service refuse at once, addresses without a service are silent', async () => {
    assert.equal(await lab.ask({ pod: 'c' }, '10.96.0.20', 81), 'refused');
    assert.ok(await lab.isSilent({ pod: 'c' }, '10.96.7.7', 80));
  });
  await t.test('a service without endpoints refuses, on cluster address and node port', async () => {
    await set([web], []);
    assert.equal(await lab.ask({ pod: 'c' }, '10.96.0.20', 80), 'refused');
    assert.equal(await lab.ask('node', '10.96.0.20', 80), 'refused');
    assert.equal(await lab.ask({ pod: 'c' }, '192.0.2.10', 30080), 'refused');
  });
  await t.test('session affinity keeps a client at its endpoint, over a node port too', async () => {
    const sticky = {
      ...web,
      spec: { ...web.spec, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    };
    await set([sticky], [both]);
    const first = await many(1, () => lab.ask({ pod: 'c' }, '10.96.0.20', 80));
    assert.deepEqual(await many(10, () => lab.ask({ pod: 'c' }, '10.96.0.20', 80)), first);
    await set([web], [both]);
    assert.equal((await many(12, () => lab.ask({ pod: 'c' }, '10.96.0.20', 80))).size, 2);
  });
  await t.test('internal traffic policy Local drops when this node has no endpoint', async () => {
    const local = { ...web, spec: { ...web.spec, internalTrafficPolicy: 'Local' } };
    await set([local], [slice('web', 8080, [{ addresses: ['10.244.0.11'], nodeName: 'node-2' }])]);
    assert.ok(await lab.isSilent({ pod: 'c' }, '10.96.0.20', 80));
    assert.match(await lab.ask({ pod: 'c' }, '192.0.2.10', 30080), /^a /);
  });
  await t.test('external addresses and load balancer addresses with source ranges', async () => {
    const balanced: Service = {
      ...web,
      spec: { ...web.spec, type: 'LoadBalancer', externalIPs: ['203.0.113.5'], loadBalancerSourceRanges: ['10.244.0.12/32'] },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.6' }] } },
    };
    await set([balanced], [slice('web', 8080, ['10.244.0.11'])]);
    assert.match(await lab.ask({ pod: 'c' }, '203.0.113.5', 80), /^a /);
    assert.ok(await lab.isSilent({ pod: 'c' }, '203.0.113.6', 80));
    assert.match(await lab.ask({ pod: 'b' }, '203.0.113.6', 80), /^a /);
  });
  await t.test('a UDP client with a steady source port follows when its endpoint goes', async () => {
    const udp = service('dns', '10.96.0.30', [{ name: 'dns', port: 53, protocol: 'UDP' }]);
    const at = (ip: string) => slice('dns', 9090, [ip], { ports: [{ name: 'dns', protocol: 'UDP', port: 9090 }] });
    await set([udp], [at('10.244.0.11')]);
    assert.equal(await lab.ask({ pod: 'c' }, '10.96.0.30', 53, 'udp', 5555), 'a 10.244.0.13');
    await set([udp], [at('10.244.0.12')]);
    assert.equal(await cleanFlows(lab.node, 4, [{ service: udp, slices: [at('10.244.0.12')] }]), 1);
    assert.equal(await lab.ask({ pod: 'c' }, '10.96.0.30', 53, 'udp', 5555), 'b 10.244.0.13');
  });
  await t.test('the whole table can be written again over the old one, and removed', async () => {
    await load(kernel.full());
    assert.equal(await lab.ask({ pod: 'c' }, '10.96.0.30', 53, 'udp'), 'b 10.244.0.13');
    await load(`${removalCommands(OPTIONS).join('\n')}\n`);
    assert.equal((await lab.node('nft', ['list', 'tables'])).trim(), '');
  });
});
