// Programs that proofs start again and again, in the form in which users have them: bundled once (tools/bundle.mjs), and with what V8
// compiled of them kept.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

const ROOT = dirname(import.meta.dirname);
const CACHE = join(ROOT, '.cache');
const BUNDLER = join(ROOT, 'tools', 'bundle.mjs');
const NAME_LENGTH = 12;

/** The environment they are started in. */
export const compiledOnce: NodeJS.ProcessEnv = { NODE_COMPILE_CACHE: join(CACHE, 'compiled'), ...process.env };

const made = new Map<string, string>();

/** The bundle of a program, made of the sources as they are when it is first asked for. */
export function bundled(program: string): string {
  const before = made.get(program);
  if (before !== undefined) return before;
  const folder = join(CACHE, 'programs', createHash('sha256').update(program).digest('hex').slice(0, NAME_LENGTH));
  execFileSync(process.execPath, [BUNDLER, folder, program], { stdio: ['ignore', 'ignore', 'inherit'] });
  const bundle = join(folder, `${basename(program, '.ts')}.mjs`);
  made.set(program, bundle);
  return bundle;
}
