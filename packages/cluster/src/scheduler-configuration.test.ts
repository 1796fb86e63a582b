// A scheduler told by a file, with an extender that is a real HTTP server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { waitFor } from '@tiphys/client';
import { realClock } from '@tiphys/runtime';
import { readSchedulerConfiguration } from './scheduler-configuration.ts';
import { startCluster } from './start-cluster.ts';

const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

function fileWith(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-scheduler-'));
  const file = join(folder, 'scheduler.yaml');
  writeFileSync(file, text);
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test('an extender chooses the node', async () => {
  const asked: string[] = [];
  await using server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push(request.url!);
      const names: string[] = JSON.parse(body).NodeNames;
      const answer =
        request.url === '/filter'
          ? { Nodes: null, NodeNames: names.filter((name) => name !== 'simulated-1'), FailedNodes: {}, Error: '' }
          : names.map((Host) => ({ Host, Score: Host === 'simulated-2' ? 10 : 0 }));
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const extender = `urlPrefix: http://127.0.0.1:${(server.address() as AddressInfo).port}, filterVerb: filter, prioritizeVerb: prioritize, weight: 5, nodeCacheCapable: true`;
  using configured = fileWith(`${HEAD}extenders: [{${extender}}]\n`);
  await using cluster = await startCluster({ nodes: 3, schedulerConfigFile: configured.file });
  const nodes = (await cluster.client.of(corev1.nodes).list()).items.map((node) => node.metadata!.name!);
  assert.ok(nodes.includes('simulated-2'), nodes.join(' '));
  const pods = cluster.client.of(corev1.pods);
  await pods.create({ metadata: { name: 'a', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  const options = { namespace: 'default', clock: realClock() };
  const pod = await waitFor(cluster.client.informer(corev1.pods), 'a', (one) => Boolean(one?.spec?.nodeName), options);
  assert.equal(pod?.spec?.nodeName, 'simulated-2');
  assert.deepEqual(asked.slice(0, 2), ['/filter', '/prioritize']);
});

for (const [text, message] of [
  ['kind: X', /scheduler\.yaml: must begin with apiVersion/],
  [`${HEAD}profile: 1`, /scheduler\.yaml: unknown field "profile"/],
  ['a: [', /scheduler\.yaml: /],
] as const) {
  test(`a file is refused: ${message.source}`, () => {
    using configured = fileWith(text);
    assert.throws(() => readSchedulerConfiguration(configured.file, undefined), message);
  });
}

test('a file that is not there is named', () => {
  assert.throws(() => readSchedulerConfiguration('/nonexistent/scheduler.yaml', undefined), /schedulerConfigFile: ENOENT.*scheduler\.yaml/);
});
