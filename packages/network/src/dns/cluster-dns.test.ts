// The DNS server on the real API server, asked over a socket; and the objects that announce it.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { corev1, discoveryv1 } from '@tiphys/api';
import { decode, encode } from 'dns-packet';
import { testCluster } from '../testing/cluster.ts';
import { dnsObjects, startClusterDns } from './cluster-dns.ts';

async function ask(port: number, name: string): Promise<string[]> {
  const socket = createSocket('udp4');
  socket.send(encode({ id: 5, type: 'query', flags: 256, questions: [{ type: 'A', name }] }), port, '127.0.0.1');
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return (decode(message).answers ?? []).map((record) => ('data' in record ? String(record.data) : ''));
}

test('cluster DNS answers for its own Service', async () => {
  await using cluster = await testCluster();
  const { client, runtime } = cluster;
  const objects = dnsObjects({ clusterIp: '10.96.0.10', address: '10.244.0.1', nodeName: 'node-1' });
  await client.of(corev1.services).create(objects.service);
  await client.of(discoveryv1.endpointslices).create(objects.endpointSlice);
  const dns = await startClusterDns({ client, runtime, address: '127.0.0.1', port: 0, resolvConf: '/dev/null' });
  try {
    assert.deepEqual(await ask(dns.port, 'kube-dns.kube-system.svc.cluster.local'), ['10.96.0.10']);
    const service: corev1.Service = {
      metadata: { name: 'new', namespace: 'default' },
      spec: { clusterIP: '10.96.0.77', ports: [{ port: 80 }] },
    };
    const created = await client.of(corev1.services).create(service);
    await client.informer(corev1.services).reached(created.metadata!.resourceVersion!);
    assert.deepEqual(await ask(dns.port, 'new.default.svc.cluster.local'), ['10.96.0.77']);
    assert.deepEqual(await ask(dns.port, 'example.com'), [], 'nobody to ask: an error at once');
  } finally {
    await dns.stop();
  }
});
