// Machines with our node: the first is one by `tiphys up`, the others join.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Machine } from './lab.ts';
import { kubectlOf, type Parts, type Server } from './parts.ts';
import { run, tiphysOn } from './run.ts';

const APPROVE_INTERVAL_MS = 1000;

/** Whether a node may show the certificate it asks for is for the administrator to say, where our controllers don't run. */
async function approveServing(kubectl: readonly string[]): Promise<void> {
  const [program, ...words] = kubectl;
  const columns = 'custom-columns=N:.metadata.name,S:.spec.signerName,C:.status.conditions[0].type';
  const rows = await run(program!, [...words, 'get', 'certificatesigningrequests', '--no-headers', '-o', columns]);
  for (const row of rows.split('\n')) {
    const [name, signer, condition] = row.split(/\s+/);
    if (signer === 'kubernetes.io/kubelet-serving' && condition === '<none>')
      await run(program!, [...words, 'certificate', 'approve', name!]);
  }
}

/** Approves as long as the work goes on. */
export async function withApproval<T>(parts: Parts, server: Server, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  // One look after the other: where the machine is slow they would pile up.
  const approving = (async () => {
    while (!over.signal.aborted) {
      await approveServing(kubectlOf(parts, server)).catch(() => undefined);
      await delay(APPROVE_INTERVAL_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    return await work();
  } finally {
    over.abort();
    await approving;
  }
}

async function joinNode({ scratch, registries, stack }: Parts, server: Server, machine: Machine): Promise<void> {
  const { nodeName, address } = machine;
  const directory = join(scratch, nodeName);
  const { server: url, token, authorityHash } = await server.invite();
  const trust = ['--token', token, '--ca-certificate-hash', authorityHash];
  const own = ['--data-dir', directory, '--node-name', nodeName, '--node-address', address, '--registries', registries];
  stack.defer(() => tiphysOn(machine, 'down', '--data-dir', directory).then(() => undefined));
  await tiphysOn(machine, 'server', 'join', url, ...trust, ...own, '--detach');
}

export async function startOwnNodes(parts: Parts, server: Server): Promise<void> {
  const { machines, setup } = parts;
  const joinAll = async () => {
    for (const machine of server.hasFirstNode ? machines.slice(1) : machines) await joinNode(parts, server, machine);
  };
  await (setup.upstream.has('controllers') ? withApproval(parts, server, joinAll) : joinAll());
}
