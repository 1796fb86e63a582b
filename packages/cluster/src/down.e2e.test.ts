// What a cluster leaves on the machine when it ends, however it ends: nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { cleanUp, dataFolder } from './index.ts';
import { type ClusterProcess, type ProcessOptions, startClusterProcess } from './testing/cluster-process.ts';
import { loadTestImage, serverCommand } from './testing/images.ts';
import { differences, type MachineState, machineState } from './testing/machine-state.ts';
import { create, isReady, podUntil, toolsPod } from './testing/pods.ts';
import { skipWithoutContainers } from './testing/skip.ts';

/** Pods with every kind of thing that a kernel keeps for them. */
async function runPods(client: Client): Promise<void> {
  await client
    .of(corev1.configmaps)
    .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'files', namespace: 'default' }, data: { a: '1' } });
  const volumes: corev1.Volume[] = [
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'disk', emptyDir: {} },
    { name: 'files', projected: { sources: [{ configMap: { name: 'files' } }, { serviceAccountToken: { path: 'token' } }] } },
  ];
  const mounts = [...volumes.map(({ name }) => ({ name, mountPath: `/${name}` })), { name: 'disk', mountPath: '/part', subPath: 'part' }];
  const server = { command: serverCommand(8080), ports: [{ containerPort: 8080, hostPort: 18_080 }], volumeMounts: mounts };
  await create(client, toolsPod('volumes', server, { volumes }));
  await create(client, toolsPod('host', {}, { hostNetwork: true, hostPID: true }));
  const resources = { limits: { cpu: '50m', memory: '32Mi' } };
  await create(client, toolsPod('guaranteed', { resources }));
  await client.of(corev1.services).create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await Promise.all(['volumes', 'host', 'guaranteed'].map((name) => podUntil(client, name, 'is ready', isReady)));
}

describe('nothing is left behind', { skip: await skipWithoutContainers() }, () => {
  let directory: string;
  let options: ProcessOptions;
  let first: MachineState;
  let cluster: ClusterProcess | undefined;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tiphys-down-'));
    options = { directory, runtime: 'containerd', port: 0, kubeletPort: 0 };
    first = await machineState(directory);
  });
  after(async () => {
    await cluster?.stop();
    await cleanUp(dataFolder(directory));
    rmSync(directory, { recursive: true });
  });
  const assertNothing = async () => assert.deepEqual(differences(first, await machineState(directory)), []);
  const started = async () => {
    cluster = await startClusterProcess(options);
    await loadTestImage(join(directory, 'node'));
    await runPods(cluster.client);
    const made = differences(first, await machineState(directory)).map((line) => line.split(':')[0]);
    for (const kind of ['processes', 'mounts', 'links', 'nftables', 'cgroups'])
      assert.ok(made.includes(kind), `the comparison sees no ${kind} of a running cluster`);
    return cluster;
  };

  test('after a port was in use', async () => {
    const other = createServer().listen(0);
    const { port } = other.address() as { port: number };
    try {
      await assert.rejects(
        startClusterProcess({ ...options, port }),
        new RegExp(`port ${port} is in use by another program; end that program, or choose`),
      );
      await assertNothing();
      await assert.rejects(startClusterProcess({ ...options, kubeletPort: port }), new RegExp(`port ${port} is in use .* kubeletPort`));
      await assertNothing();
    } finally {
      other.close();
    }
  });

  test('after the end that Ctrl-C and tiphys down bring', async () => {
    await (await started()).stop();
    await assertNothing();
  });

  test('after kill -9 and tiphys down', async () => {
    rmSync(directory, { recursive: true });
    await (await started()).kill();
    await cleanUp(dataFolder(directory));
    await assertNothing();
  });

  test('in the data folder no mark of a process either', () => {
    assert.deepEqual(
      readdirSync(directory).filter((name) => name === 'process.json' || name.endsWith('.new')),
      [],
    );
  });
});
