// The environment of programs that are started again and again: what was compiled of the sources is kept, as the `tiphys` command does it
// in a checkout (packages/cluster/src/index.ts).
import { dirname, join } from 'node:path';

export const compiledOnce: NodeJS.ProcessEnv = {
  NODE_COMPILE_CACHE: join(dirname(import.meta.dirname), '.cache', 'compiled'),
  ...process.env,
};
