// The overload proof: while clients attack, nodes go on telling that they live, and the server's memory stays within its limit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { rbacv1 } from '@tiphys/api';
import { fixedIdentity, httpsHandler } from '@tiphys/client';
import { realClock } from '@tiphys/runtime';
import { type ClusterProcess, freePort, startClusterProcess } from '../../packages/cluster/src/testing/cluster-process.ts';
import { administratorOf } from '../administrator.ts';
import type { Proof, Round } from '../proof.ts';
import { ATTACKER, ATTACKS, type Target } from './attacks.ts';

const PROGRAM = join(import.meta.dirname, 'attacker.ts');
const HEARTBEAT_INTERVAL_MS = 100;
const HEARTBEAT_MS_MAX = 1000;
const NODE = 'heart';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
/**
 * What the whole process may have in memory while it is attacked. At rest it has 200 MB. A TLS connection with HTTP/2 costs 67 kB: 21 kB are
 * nghttp2's buffers, 5 kB objects of node, the rest OpenSSL's and the allocator's; so 10,000 take 670 MB, which the allocator keeps for a
 * while after they are gone. That leaves 400 MB for what one of the other attacks has in flight and what is not collected yet.
 */
export const MEMORY_MEGABYTES_MAX = 1280;
/** At rest. Beyond that the machine itself is overloaded, and says nothing of the server. */
const RESTING_MS_MAX = 250;
const RESTING_DURATION_MS = 2000;
const KILOBYTES_PER_MEGABYTE = 1024;

function targetOf({ url, kubeconfig }: ClusterProcess): Target {
  return { url, ...administratorOf(kubeconfig) };
}

function megabytesOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / KILOBYTES_PER_MEGABYTE;
}

/** Renews a node's lease as the node itself, again and again. */
async function heartbeats(cluster: ClusterProcess, durationMs: number) {
  const { url: server, certificateAuthority, certificate, key } = targetOf(cluster);
  const credentials = fixedIdentity({ certificate: { certificate, key } });
  const handler = httpsHandler({ server, clock: realClock(), certificateAuthority, credentials });
  const user = { name: `system:node:${NODE}`, groups: ['system:nodes'] };
  const metadata = { name: NODE, namespace: 'kube-node-lease' };
  const ask = (method: 'POST' | 'PATCH', url: string, type: string) => {
    const spec = { holderIdentity: NODE, renewTime: new Date(Date.now()).toISOString().replace('Z', '000Z') };
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    return handler.handle({ method, url, headers: { 'content-type': type, accept: 'application/json' }, user, body });
  };
  const tookMs: number[] = [];
  const errors: string[] = [];
  let megabytes = 0;
  const endMs = performance.now() + durationMs;
  try {
    while (performance.now() < endMs) {
      const begunMs = performance.now();
      const patched = await ask('PATCH', `${LEASES}/${NODE}`, 'application/merge-patch+json');
      const { status } = patched.status === 404 ? await ask('POST', LEASES, 'application/json') : patched;
      if (status >= 300) errors.push(`it was answered with ${status}`);
      tookMs.push(performance.now() - begunMs);
      megabytes = Math.max(megabytes, megabytesOf(cluster.pid));
      await delay(HEARTBEAT_INTERVAL_MS);
    }
  } finally {
    await handler.close();
  }
  return { tookMs, errors, megabytes };
}

async function atRest(cluster: ClusterProcess): Promise<void> {
  const { tookMs } = await heartbeats(cluster, RESTING_DURATION_MS);
  // The first connects.
  const worstMs = Math.round(Math.max(...tookMs.slice(1)));
  if (worstMs > RESTING_MS_MAX)
    throw new Error(
      `this machine does too much else to judge by: before any attack a heartbeat took ${worstMs} ms, at most ${RESTING_MS_MAX} will do`,
    );
}

async function attacked(cluster: ClusterProcess, name: string, count: number, durationMs: number, lateMsMax: number): Promise<Round> {
  const child = spawn(process.execPath, [PROGRAM, name, String(count), JSON.stringify(targetOf(cluster))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    const inPlace = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => undefined)]);
    if (!inPlace) return { done: 1, failures: [`${name}: the attack ended by itself`] };
    const { tookMs, errors, megabytes } = await heartbeats(cluster, durationMs);
    const late = tookMs.filter((ms) => ms > lateMsMax);
    return {
      done: 1,
      sums: { heartbeats: tookMs.length, 'later than a second': late.length },
      peaks: {
        [`milliseconds of a heartbeat beside ${count} ${name}`]: Math.round(Math.max(...tookMs)),
        [`megabytes of the whole cluster beside ${name}`]: Math.round(megabytes),
      },
      failures: [
        ...errors.map((error) => `${name}: a heartbeat failed: ${error}`),
        ...(late.length > 0 ? [`${name}: ${late.length} heartbeats came late, one by ${Math.round(Math.max(...late))} ms`] : []),
        ...(megabytes > MEMORY_MEGABYTES_MAX ? [`${name}: ${Math.round(megabytes)} MB in memory, at most ${MEMORY_MEGABYTES_MAX}`] : []),
      ],
    };
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

/** A cluster under one attack after the other. How late heartbeats are is judged in the full size, on a machine that has nothing else to do. */
export async function overloadRounds(size: 'full' | 'short', durationMs: number) {
  const lateMsMax = size === 'full' ? HEARTBEAT_MS_MAX : Number.POSITIVE_INFINITY;
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-overload-'));
  const cluster = await startClusterProcess({ directory, runtime: 'simulated', nodes: 1, port: await freePort() });
  const { client } = cluster;
  await client.of(rbacv1.clusterrolebindings).create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: ATTACKER },
    subjects: [{ kind: 'User', name: ATTACKER, apiGroup: 'rbac.authorization.k8s.io' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  });
  const names = Object.keys(ATTACKS);
  return {
    round: async (_: number, index: number) => {
      const name = names[index % names.length]!;
      if (size === 'full') await atRest(cluster);
      return attacked(cluster, name, ATTACKS[name]![size], durationMs, lateMsMax);
    },
    close: async () => {
      await cluster.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

const FULL_DURATION_MS = 20_000;

export const overload: Proof = {
  name: 'overload',
  title: 'Overload',
  about: `
A whole cluster in one process (API server, controllers, scheduler, a simulated node) is attacked by another process, by one kind of client after the
other: 10,000 connections that ask nothing, 1,000 watchers of a fat object that changes all the time and who never read, 500 bodies that come a byte a
second, requests that are taken back at once by the thousand, and YAML that explodes. Meanwhile a third process renews a node's lease ten times a second, as
the node itself. Every heartbeat must be answered within a second, the process lives, and its memory stays below ${MEMORY_MEGABYTES_MAX} MB
(at rest it has 200; each of 10,000 TLS connections with HTTP/2 costs 67 kB, of which none is for the server to save). It is only judged
while the machine answers within ${RESTING_MS_MAX} ms when nobody attacks.`,
  unit: 'attacks',
  fullCount: Object.keys(ATTACKS).length * 4,
  open: () => overloadRounds('full', FULL_DURATION_MS),
};
