// Lease updates, as the kubelets of very many nodes send them.
import { connect, parallel } from './connections.ts';
import type { Group, Scale } from './measurement.ts';
import { metered } from './meter.ts';
import { type Side, tiphys, upstream } from './servers.ts';
import { snapshot } from './snapshot.ts';

const NAMESPACE = 'heartbeats';
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const CLIENTS = 64;
const CONNECTIONS = 8;
const TIME = '2026-01-01T00:00:00.000000Z';

async function beats(side: Side, { leases }: Scale) {
  const client = connect({ ...side, count: CONNECTIONS });
  await client.send('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  const known: any[] = [];
  const spec = (index: number, renewTime: string) => ({ holderIdentity: `node-${index}`, leaseDurationSeconds: 40, renewTime });
  await parallel(leases, CLIENTS, async (index) => {
    const lease = { metadata: { name: `node-${index}` }, spec: spec(index, TIME) };
    known[index] = await client.send('POST', LEASES, lease);
  });
  const renewed = known.map((lease, index) => JSON.stringify({ ...lease, spec: spec(index, TIME.replace(':00.', ':10.')) }));
  const { result, cost } = await metered(side, () =>
    parallel(leases, CLIENTS, async (index) => {
      const { status, body } = await client.request('PUT', `${LEASES}/node-${index}`, renewed[index]);
      if (status !== 200) throw new Error(`a heartbeat was answered ${status}: ${body.toString().slice(0, 200)}`);
    }),
  );
  client.close();
  const share = (cost.generatorSeconds / (cost.generatorSeconds + cost.serverSeconds)) * 100;
  return {
    run: { rate: result.perSecond, p99: result.p99Ms, cpu: (cost.serverSeconds / leases) * 1000, share },
    objects: await snapshot(side, NAMESPACE, ['coordination.k8s.io/v1/leases']),
  };
}

export const heartbeats: Group = {
  title: 'heartbeats',
  roundsMax: 3,
  ours: tiphys,
  theirs: upstream,
  run: beats,
  rows: [
    { label: 'lease updates', figure: 'rate', unit: '/s', goal: { atLeast: 5 } },
    { label: 'lease updates: p99', figure: 'p99', unit: 'ms', digits: 1 },
    { label: 'lease updates: CPU of the servers for one', figure: 'cpu', unit: 'ms', digits: 3 },
    { label: "lease updates: the generator's share of the CPU", figure: 'share', unit: '%' },
  ],
};
