// The two that are compared, each with a server of its own: our scheduler and API server in one process with the store in memory,
// and kube-scheduler beside kube-apiserver and etcd.
import { clientFromKubeconfig, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { startUpstream } from '../../tools/upstream/upstream.ts';
import { cpuSeconds } from '../measure.ts';
import type { Case } from './cases.ts';
import { fill } from './fill.ts';
import { type Outcome, timed } from './timed.ts';

const ownSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

export async function own(nodes: number, one: Case): Promise<Outcome> {
  const runtime = realRuntime();
  await using server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'bench', groups: ['system:masters'] } });
  await fill(client, nodes, one);
  let scheduler: ReturnType<typeof startScheduler> | undefined;
  const start = async () => {
    scheduler = startScheduler({ client, runtime });
  };
  const outcome = await timed({ client, waiting: one.waiting, start, usedSeconds: ownSeconds });
  await scheduler?.stop();
  await client.close();
  return outcome;
}

/** What would hold the server or its scheduler back is lifted; new nodes are left untainted, as nobody is there to take it back. */
const API_SERVER_FLAGS = [
  '--max-requests-inflight=3000',
  '--max-mutating-requests-inflight=1000',
  '--disable-admission-plugins=TaintNodesByCondition',
];
const CONNECTION = { qps: 5000, burst: 10_000 };

export async function upstream(peers: string, nodes: number, one: Case): Promise<Outcome> {
  const reference = await startUpstream({ peers, apiServerFlags: API_SERVER_FLAGS });
  const client = clientFromKubeconfig({ path: reference.kubeconfig, runtime: realRuntime() });
  try {
    await fill(client, nodes, one);
    const usedSeconds = () => reference.pids().reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    const start = () => reference.startScheduler({ clientConnection: CONNECTION });
    return await timed({ client, waiting: one.waiting, start, usedSeconds });
  } finally {
    await client.close();
    await reference.stop();
  }
}
