// The running proxy on the real API server: every nft transaction is carried out by the imitation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, discoveryv1 } from '@tiphys/api';
import { Retryable } from '@tiphys/std';
import type { RunProgram } from '../run-program.ts';
import { testCluster } from '../testing/cluster.ts';
import { service, slice } from '../testing/objects.ts';
import { TableImitation } from '../testing/table-imitation.ts';
import { startServiceProxy } from './service-proxy.ts';

function imitation() {
  const kernel = new TableImitation();
  const inputs: string[] = [];
  let broken = false;
  const run: RunProgram = async (program, _args, options) => {
    if (program !== 'nft') return '';
    if (broken) {
      broken = false;
      throw new Retryable('nft: exit 1');
    }
    inputs.push(options?.input ?? '');
    if (!options?.input?.startsWith('delete chain')) kernel.run(options?.input ?? '');
    return '';
  };
  return {
    run,
    inputs,
    breakOnce: () => {
      broken = true;
    },
    has: (text: string) => JSON.stringify(kernel.contents()).includes(text),
  };
}

test('the proxy follows services and slices, and writes the whole table again after a failure', async () => {
  await using cluster = await testCluster();
  const { client, runtime } = cluster;
  const nft = imitation();
  await client.of(corev1.services).create(service('first', '10.96.0.21', [{ port: 80 }]));
  // Waiting is not what is tested.
  const impatient = {
    ...runtime.clock,
    after: (_ms: number, callback: () => void) => runtime.clock.after(0, callback),
    sleep: async () => {},
  };
  const proxy = startServiceProxy({ client, runtime: { ...runtime, clock: impatient }, nodeName: 'node-1', run: nft.run });
  await proxy.ready;
  assert.ok(nft.has('10.96.0.21'), 'what was there before is in the first transaction');
  assert.equal(nft.inputs.length, 1);

  const created = await client.of(discoveryv1.endpointslices).create(slice('first', 8080, ['10.244.0.5']));
  await client.informer(discoveryv1.endpointslices).reached(created.metadata!.resourceVersion!);
  await proxy.settled();
  assert.ok(nft.has('10.244.0.5 . 8080'));
  assert.ok(!nft.inputs.at(-1)!.includes('table'), 'an increment');

  nft.breakOnce();
  const second = await client.of(corev1.services).create(service('second', '10.96.0.22', [{ port: 80 }]));
  await client.informer(corev1.services).reached(second.metadata!.resourceVersion!);
  await proxy.settled();
  assert.ok(nft.has('10.96.0.22') && nft.has('10.244.0.5 . 8080'));
  assert.match(nft.inputs.at(-1)!, /^add table ip tiphys\ndelete table ip tiphys/);

  await client.of(discoveryv1.endpointslices).delete('first-1', 'default');
  await client.of(corev1.services).delete('first', 'default');
  const third = await client.of(corev1.services).create(service('third', '10.96.0.23', [{ port: 80 }]));
  const last = await client.of(discoveryv1.endpointslices).create(slice('third', 8080, ['10.244.0.7']));
  await client.informer(corev1.services).reached(third.metadata!.resourceVersion!);
  await client.informer(discoveryv1.endpointslices).reached(last.metadata!.resourceVersion!);
  await proxy.settled();
  assert.ok(!nft.has('10.96.0.21') && nft.has('10.96.0.23'));

  await proxy.stop({ removeTable: true });
  assert.equal(nft.inputs.at(-1), 'add table ip tiphys\ndelete table ip tiphys\n');
});
