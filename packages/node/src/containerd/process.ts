// Finds out about processes through /proc: whether a pid still is the program we started, and which ones belong to a folder.
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export async function commandLine(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
  return text.split('\0').filter((part) => part !== '');
}

/** A pid from a file may have been given to another program meanwhile; its command line tells. */
export async function isOurProcess(pid: number, argument: string): Promise<boolean> {
  return (await commandLine(pid)).includes(argument);
}

/** Pids of the processes that carry the argument on their command line. */
export async function processesWithArgument(argument: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const matches = await Promise.all(pids.map((pid) => isOurProcess(pid, argument)));
  return pids.filter((pid, i) => pid !== process.pid && matches[i]);
}

export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

const POLL_MS = 20;

/** Whether all of them were gone before the time was over. */
export async function waitUntilGone(pids: readonly number[], argument: string, timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const alive = await Promise.all(pids.map((pid) => isOurProcess(pid, argument)));
    if (!alive.some(Boolean)) return true;
    if (waitedMs >= timeoutMs) return false;
    await delay(POLL_MS);
  }
}
