// What a stretch of work costs: CPU seconds of the servers and of the generator, and the servers' memory while it lasts.
import { readFileSync } from 'node:fs';
import { cutProfile, type Side, usedSeconds } from './servers.ts';

const TICKS_PER_SECOND = 100;
const SAMPLE_MS = 100;

/** Of this process and of those it started that have ended. */
export function generatorSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / TICKS_PER_SECOND;
}

/** Resident memory of all processes of a side. */
export function mebibytes({ pids }: Side): number {
  const pages = pids.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]), 0);
  return (pages * 4096) / 2 ** 20;
}

export interface Cost {
  wallMs: number;
  serverSeconds: number;
  generatorSeconds: number;
  /** The most there was meanwhile, beyond what there was before. */
  grownMebibytes: number;
  mostMebibytes: number;
}

export async function metered<T>(side: Side, work: () => Promise<T>): Promise<{ result: T; cost: Cost }> {
  const before = mebibytes(side);
  let most = before;
  const look = () => {
    most = Math.max(most, mebibytes(side));
  };
  const sampler = setInterval(look, SAMPLE_MS);
  cutProfile(side);
  const [server, generator, startMs] = [usedSeconds(side), generatorSeconds(), performance.now()];
  try {
    const result = await work();
    const wallMs = performance.now() - startMs;
    look();
    cutProfile(side);
    return {
      result,
      cost: {
        wallMs,
        serverSeconds: usedSeconds(side) - server,
        generatorSeconds: generatorSeconds() - generator,
        grownMebibytes: most - before,
        mostMebibytes: most,
      },
    };
  } finally {
    clearInterval(sampler);
  }
}
