// npm run proofs -- NAME [--full | --count N] [--seed N] [--anew]: long trials that are too long for `npm test`, which runs a short form of
// each. A run that was ended goes on where it was; results are committed with what they found.
import { containers } from './containers.ts';
import { diskFaults } from './disk-faults/disk-faults.ts';
import { kill } from './kill/kill.ts';
import { linearizability } from './linearizability/linearizability.ts';
import { overload } from './overload/overload.ts';
import { powerCut } from './power-cut/power-cut.ts';
import { type Proof, prove } from './proof.ts';
import { servers } from './servers/servers.ts';
import { soak } from './soak/soak.ts';

const PROOFS: readonly Proof[] = [powerCut, diskFaults, linearizability, kill, servers, overload, soak, containers];

/** Without --full and --count. */
const USUAL_SHARE = 0.01;

function number(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number, 1 or more`);
  return value;
}

const proof = PROOFS.find(({ name }) => name === process.argv[2]);
if (!proof) {
  process.stderr.write(`usage: npm run proofs -- NAME [--full | --count N] [--seed N] [--anew], where NAME is one of:\n`);
  for (const { name, fullCount, unit } of PROOFS)
    process.stderr.write(`  ${name.padEnd(18)}${fullCount.toLocaleString('en-US')} ${unit}\n`);
  process.exitCode = 2;
} else {
  const count = process.argv.includes('--full') ? proof.fullCount : number('count', Math.ceil(proof.fullCount * USUAL_SHARE));
  const options = { seed: number('seed', Date.now() % 2 ** 31), count, anew: process.argv.includes('--anew') };
  process.exitCode = (await prove(proof, options)) ? 0 : 1;
}
