// `tiphys status`: what runs, how it is, and what it uses.
import { readFileSync } from 'node:fs';
import { corev1 } from '@tiphys/api';
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { type DataFolder, isJoinedServer, readMembership, runningOn } from '@tiphys/cluster';
import type { Command } from 'commander';
import { existingFolder, withDataDir } from '../data-dir.ts';
import { CommandError, type Terminal } from '../terminal.ts';

/** Exit code when the cluster is known but does not run, as `systemctl status` has it. */
const NOT_RUNNING = 3;

function residentMebibytes(pid: number): string {
  const match = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m);
  return match ? `${Math.round(Number(match[1]) / 1024)} MiB` : 'unknown';
}

function isReady(node: corev1.Node): boolean {
  return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

async function describeCluster(client: Client): Promise<string[]> {
  const [nodes, pods] = await Promise.all([client.of(corev1.nodes).list(), client.of(corev1.pods).list()]);
  const ready = nodes.items.filter(isReady).length;
  const phases = new Map<string, number>();
  for (const pod of pods.items) phases.set(pod.status?.phase ?? 'Unknown', (phases.get(pod.status?.phase ?? 'Unknown') ?? 0) + 1);
  const counted = [...phases].map(([phase, count]) => `${count} ${phase}`).join(', ');
  return [`nodes:      ${ready} of ${nodes.items.length} Ready`, `pods:       ${pods.items.length}${counted ? ` (${counted})` : ''}`];
}

async function statusOfCluster(folder: DataFolder): Promise<string[]> {
  const client = clientFromKubeconfig({ path: folder.kubeconfig });
  try {
    return await describeCluster(client);
  } finally {
    await client.close();
  }
}

export function addStatusCommand(program: Command, terminal: Terminal): void {
  withDataDir(program.command('status'), terminal)
    .description('show whether the cluster runs and how it is (exit code 3 when it does not run)')
    .action(async (options: { dataDir?: string }) => {
      const folder = await existingFolder(options, terminal);
      const running = runningOn(folder);
      const joined = readMembership(folder);
      if (joined && !running)
        throw new CommandError(
          `the node ${joined.nodeName} of ${joined.server} does not run. Start it with: tiphys server join --data-dir ${folder.path}`,
          NOT_RUNNING,
        );
      const start = isJoinedServer(folder) ? `tiphys server join --data-dir ${folder.path}` : 'tiphys up';
      if (!running) throw new CommandError(`the cluster in ${folder.path} does not run. Start it with: ${start}`, NOT_RUNNING);
      const lines = [
        `data:       ${folder.path}`,
        `process:    ${running.pid}`,
        `memory:     ${process.platform === 'linux' ? residentMebibytes(running.pid) : 'unknown'}`,
        `API server: ${running.url}`,
        `runtime:    ${running.runtime}`,
      ];
      if (joined) lines.push(`role:       node ${joined.nodeName}`, `pod range:  ${joined.nodeCidr ?? 'none yet'}`);
      else {
        if (isJoinedServer(folder)) lines.push('role:       server');
        lines.push(...(await statusOfCluster(folder)));
      }
      terminal.out(`${lines.join('\n')}\n`);
    });
}
