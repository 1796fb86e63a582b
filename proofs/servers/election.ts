// What must hold of a lease that says who leads (k8s.io/client-go tools/leaderelection): nobody takes it before it ended, or was given up.
import type { Recorded } from './recorded.ts';

interface LeaseSpec {
  holderIdentity?: string;
  renewTime?: string;
  leaseDurationSeconds?: number;
}

export interface Tenure {
  /** How often another came to lead. */
  changes: number;
  failures: string[];
}

export function tenureOf(name: string, history: readonly Recorded[]): Tenure {
  const failures: string[] = [];
  let changes = 0;
  let before: LeaseSpec = {};
  let leader: string | undefined;
  for (const { type, value, revision } of history) {
    if (type === 'delete') {
      failures.push(`${name} was deleted at revision ${revision}`);
      continue;
    }
    const { spec } = JSON.parse(value) as { spec: LeaseSpec };
    const { holderIdentity = '' } = spec;
    if (holderIdentity !== '') {
      if (leader !== undefined && leader !== holderIdentity) changes++;
      leader = holderIdentity;
    }
    if (before.holderIdentity && holderIdentity !== '' && holderIdentity !== before.holderIdentity) {
      const keptMs = Date.parse(spec.renewTime!) - Date.parse(before.renewTime!);
      if (keptMs < before.leaseDurationSeconds! * 1000)
        failures.push(`${name} was taken by ${holderIdentity} ${keptMs} ms after ${before.holderIdentity} renewed it`);
    }
    before = spec;
  }
  return { changes, failures };
}
