// Runs upstream-neutral loadgen (built into the folder of TIPHYS_PEERS) against one side. It prints a measurement as soon as it is
// done, so what each one costs the servers is read off at its lines.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cutProfile, type Side, usedSeconds } from './servers.ts';

export interface LoadgenOptions {
  peers: string;
  side: Side;
  namespace: string;
  only: readonly string[];
  pods: number;
  clients?: number;
}

export interface LoadgenRun {
  /** By loadgen's names, such as `create.rate`. */
  figures: Map<string, number>;
  /** CPU seconds of the servers by measurement, such as `create`. */
  serverSeconds: Map<string, number>;
}

export async function loadgen({ peers, side, namespace, only, pods, clients = 16 }: LoadgenOptions): Promise<LoadgenRun> {
  const target = ['-server', side.url, '-token', side.token, '-namespace', namespace, '-pid', side.pids.join(',')];
  const child = spawn(join(peers, 'loadgen'), [...target, '-pods', String(pods), '-c', String(clients), '-only', only.join(','), '-json']);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const figures = new Map<string, number>();
  const serverSeconds = new Map<string, number>();
  let before = usedSeconds(side);
  createInterface(child.stdout).on('line', (line) => {
    const { name, value } = JSON.parse(line) as { name: string; value: number };
    figures.set(name, value);
    const measurement = name.split('.')[0]!;
    const now = usedSeconds(side);
    if (!serverSeconds.has(measurement)) {
      serverSeconds.set(measurement, now - before);
      cutProfile(side);
    }
    before = now;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`loadgen against ${side.name}: ${complaint}`);
  return { figures, serverSeconds };
}
