import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pod } from '../../test/pods.ts';
import { dnsProblems, hostsFile, kernelHostname, podDns, podNames } from './hosts.ts';

const settings = {
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  machine: 'nameserver 192.0.2.53\nsearch example.com\noptions edns0\n',
};

test('names', () => {
  const named = pod({ hostname: 'h', subdomain: 'sub', setHostnameAsFQDN: true });
  assert.deepEqual(podNames(named, 'cluster.local'), { hostname: 'h', domain: 'sub.default.svc.cluster.local' });
  assert.equal(kernelHostname(named, podNames(named, 'cluster.local')), 'h.sub.default.svc.cluster.local');
  assert.equal(podNames(pod({}, { name: `${'a'.repeat(62)}-b` }), 'x').hostname, 'a'.repeat(62));
});

test('/etc/hosts', () => {
  const aliased = pod({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['x', 'y'] }] });
  const text = hostsFile(aliased, { hostname: 'h', domain: 'd' }, ['10.0.0.5'], '');
  assert.ok(text.startsWith('# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n'));
  assert.ok(text.endsWith('10.0.0.5\th.d\th\n\n# Entries added by HostAliases.\n1.2.3.4\tx\ty\n'));
  assert.equal(
    hostsFile(pod({ hostNetwork: true }), { hostname: 'h', domain: '' }, [], '127.0.0.1 m\n'),
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 m\n',
  );
});

test('DNS policies', () => {
  const cluster = podDns(pod(), settings);
  assert.deepEqual(cluster, {
    servers: ['10.96.0.10'],
    searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
    options: ['ndots:5'],
  });
  assert.deepEqual(podDns(pod({ dnsPolicy: 'Default' }), settings).servers, ['192.0.2.53']);
  assert.deepEqual(podDns(pod({ hostNetwork: true }), settings).servers, ['192.0.2.53']);
  assert.deepEqual(
    podDns(
      pod({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '2' }, { name: 'x' }] } }),
      settings,
    ),
    { servers: ['1.1.1.1'], searches: [], options: ['ndots:2', 'x'] },
  );
});

test('what resolvers can’t bear is left out, and said', () => {
  const settings = { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', machine: 'nameserver 192.0.2.1\n' };
  const dnsConfig = { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'], searches: ['a'.repeat(254), 'short.example'] };
  const wide = pod({ dnsConfig });
  const { servers, searches } = podDns(wide, settings);
  assert.deepEqual(servers, ['10.96.0.10', '1.1.1.1', '2.2.2.2']);
  assert.equal(searches.at(-1), 'short.example');
  assert.deepEqual(dnsProblems(wide, settings), [
    `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`,
    'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2',
  ]);
  assert.deepEqual(dnsProblems(pod(), settings), []);
});
