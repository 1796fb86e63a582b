// npm run proofs -- kill [--cycles 100] [--seed N]: long trials that are too long for `npm test`. Results are committed with what they found.
import { proveKill } from './kill.ts';

const PROOFS: Record<string, (options: ProofOptions) => Promise<boolean>> = { kill: proveKill };

export interface ProofOptions {
  cycles: number;
  seed: number;
}

const CYCLES_DEFAULT = 100;

function number(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number, 1 or more`);
  return value;
}

const proof = PROOFS[process.argv[2] ?? ''];
if (!proof) {
  process.stderr.write(`usage: npm run proofs -- ${Object.keys(PROOFS).join('|')} [--cycles ${CYCLES_DEFAULT}] [--seed N]\n`);
  process.exitCode = 2;
} else {
  const passed = await proof({ cycles: number('cycles', CYCLES_DEFAULT), seed: number('seed', Date.now() % 2 ** 31) });
  process.exitCode = passed ? 0 : 1;
}
