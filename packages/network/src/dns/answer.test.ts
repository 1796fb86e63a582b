// Answers by the specification: what a question gets, as text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer as DnsRecord } from 'dns-packet';
import { type EndpointSlice, keyOf, type Service, serviceKeyOf } from '../kinds.ts';
import { service, slice } from '../testing/objects.ts';
import { answer, reverseIp } from './answer.ts';
import { canonicalIp, type DnsWorld } from './world.ts';

function worldOf(services: Service[], slices: EndpointSlice[]): DnsWorld {
  return {
    domain: 'cluster.local',
    hasNamespace: (namespace) => ['default', 'kube-system'].includes(namespace),
    service: (namespace, name) => services.find((each) => keyOf(each) === `${namespace}/${name}`),
    slices: (namespace, name) => slices.filter((each) => serviceKeyOf(each) === `${namespace}/${name}`),
    servicesAt: (ip) => services.filter((each) => each.spec?.clusterIPs?.map(canonicalIp).includes(ip)),
    slicesAt: (ip) => slices.filter((each) => each.endpoints?.some((endpoint) => endpoint.addresses.map(canonicalIp).includes(ip))),
  };
}

const http = { name: 'http', port: 80, protocol: 'TCP' };
const headlessSpec = { clusterIP: 'None', clusterIPs: ['None'] };
const httpSlice = { ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] };
const WORLD = worldOf(
  [
    service('web', '10.96.0.20', [http, { name: 'metrics', port: 9090 }], { clusterIPs: ['10.96.0.20', 'fd00:10:96::14'] }),
    service('db', 'None', [http], headlessSpec),
    service('early', 'None', [http], { ...headlessSpec, publishNotReadyAddresses: true }),
    service('none', 'None', [http], headlessSpec),
    service('portless', 'None', [], headlessSpec),
    service('outside', '', [], { type: 'ExternalName', externalName: 'example.com' }),
    service('alias', '', [], { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
    service('circle', '', [], { type: 'ExternalName', externalName: 'circle.default.svc.cluster.local' }),
  ],
  [
    slice('web', 8080, ['10.244.0.5'], httpSlice),
    slice('db', 8080, [{ addresses: ['10.244.0.7'], hostname: 'db-0' }, '10.244.0.8'], httpSlice),
    slice('db', 8080, [{ addresses: ['fd00:10:244::9'], hostname: 'db-0' }], { ...httpSlice, addressType: 'IPv6' }),
    slice('db', 8080, [{ addresses: ['10.244.0.9'], hostname: 'db-2', conditions: { ready: false } }], httpSlice),
    slice('early', 8080, [{ addresses: ['10.244.0.9'], hostname: 'early-0', conditions: { ready: false } }], httpSlice),
    slice('portless', 0, ['10.244.0.4'], { ports: [] }),
  ],
);

function shown(record: DnsRecord): string {
  const data = 'data' in record ? record.data : '';
  if (record.type === 'SRV') return `SRV ${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
  return `${record.type} ${String(data)}`;
}

/** `NXDOMAIN`, `NODATA`, `forward`, or the answers. */
function ask(name: string, type = 'A'): string[] {
  const result = answer({ name, type }, WORLD);
  if (result.kind === 'forward') return ['forward'];
  const follow = result.follow ? [`follow ${result.follow}`] : [];
  if (result.code === 'NXDOMAIN') return ['NXDOMAIN'];
  if (result.answers.length === 0) assert.equal(result.authorities[0]?.type, 'SOA', 'a negative answer carries the SOA');
  return result.answers.length === 0 ? ['NODATA'] : [...result.answers.map(shown), ...follow];
}

const svc = (name: string) => `${name}.default.svc.cluster.local`;

test('service names', () => {
  assert.deepEqual(ask(svc('web')), ['A 10.96.0.20']);
  assert.deepEqual(ask(svc('WEB').replace('default', 'Default')), ['A 10.96.0.20']);
  assert.deepEqual(ask(`${svc('web')}.`), ['A 10.96.0.20']);
  assert.deepEqual(ask(svc('web'), 'AAAA'), ['AAAA fd00:10:96::14']);
  assert.deepEqual(ask(svc('web'), 'MX'), ['NODATA']);
  assert.deepEqual(ask(svc('missing')), ['NXDOMAIN']);
  assert.deepEqual(ask('web.nowhere.svc.cluster.local'), ['NXDOMAIN']);
});

test('headless services answer with ready endpoints, or all when they ask for it', () => {
  assert.deepEqual(ask(svc('db')), ['A 10.244.0.7', 'A 10.244.0.8']);
  assert.deepEqual(ask(svc('db'), 'AAAA'), ['AAAA fd00:10:244::9']);
  assert.deepEqual(ask(svc('db-0.db')), ['A 10.244.0.7']);
  assert.deepEqual(ask(svc('10-244-0-8.db')), ['A 10.244.0.8']);
  assert.deepEqual(ask(svc('db-2.db')), ['NXDOMAIN']);
  assert.deepEqual(ask(svc('early-0.early')), ['A 10.244.0.9']);
  assert.deepEqual(ask(svc('none')), ['NXDOMAIN']);
  assert.deepEqual(ask(svc('portless')), ['A 10.244.0.4']);
});

test('SRV records name the port and where it is', () => {
  assert.deepEqual(ask(svc('_http._tcp.web'), 'SRV'), [`SRV 0 50 80 ${svc('web')}`]);
  assert.deepEqual(ask(svc('_http._tcp.db'), 'SRV'), [`SRV 0 33 8080 ${svc('db-0.db')}`, `SRV 0 33 8080 ${svc('10-244-0-8.db')}`]);
  assert.deepEqual(ask(svc('_http._udp.web'), 'SRV'), ['NXDOMAIN']);
  assert.deepEqual(ask(svc('_tcp.web'), 'SRV'), ['NODATA']);
  const result = answer({ name: svc('_http._tcp.web'), type: 'SRV' }, WORLD);
  assert.deepEqual(result.kind === 'reply' && result.additionals.map(shown), ['A 10.96.0.20', 'AAAA fd00:10:96::14']);
});

test('external names are aliases, followed inside the cluster and out of it', () => {
  assert.deepEqual(ask(svc('outside')), ['CNAME example.com', 'follow example.com']);
  assert.deepEqual(ask(svc('outside'), 'CNAME'), ['CNAME example.com']);
  assert.deepEqual(ask(svc('alias')), [`CNAME ${svc('web')}`, 'A 10.96.0.20']);
  assert.equal(ask(svc('circle')).length, 8, 'a circle ends');
});

test('pods by address', () => {
  assert.deepEqual(ask('10-244-0-5.default.pod.cluster.local'), ['A 10.244.0.5']);
  assert.deepEqual(ask('fd00--1.default.pod.cluster.local', 'AAAA'), ['AAAA fd00::1']);
  assert.deepEqual(ask('10-244-0-5.default.pod.cluster.local', 'AAAA'), ['NODATA']);
  assert.deepEqual(ask('10-244-0-500.default.pod.cluster.local'), ['NXDOMAIN']);
  assert.deepEqual(ask('10-244-0-5.nowhere.pod.cluster.local'), ['NXDOMAIN']);
  assert.deepEqual(ask('web.default.pod.cluster.local'), ['NXDOMAIN']);
});

test('names between exist without records', () => {
  for (const name of [
    'cluster.local',
    'svc.cluster.local',
    'default.svc.cluster.local',
    'pod.cluster.local',
    'default.pod.cluster.local',
  ]) {
    assert.deepEqual(ask(name), ['NODATA'], name);
  }
  assert.deepEqual(ask('dns-version.cluster.local', 'TXT'), ['TXT 1.1.0']);
  assert.deepEqual(ask('other.cluster.local'), ['NXDOMAIN']);
});

test('addresses lead back to names; foreign ones are for others', () => {
  assert.deepEqual(ask('20.0.96.10.in-addr.arpa', 'PTR'), [`PTR ${svc('web')}`]);
  assert.deepEqual(ask('7.0.244.10.in-addr.arpa', 'PTR'), [`PTR ${svc('db-0.db')}`]);
  assert.deepEqual(ask('5.0.244.10.in-addr.arpa', 'PTR'), ['forward']);
  assert.deepEqual(ask('1.1.1.1.in-addr.arpa', 'PTR'), ['forward']);
  const nibbles = 'fd000010009600000000000000000014';
  assert.equal(reverseIp(`${[...nibbles].reverse().join('.')}.ip6.arpa`), 'fd00:10:96::14');
  assert.deepEqual(ask('example.com'), ['forward']);
  assert.deepEqual(ask('notcluster.local'), ['forward']);
});
