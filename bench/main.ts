// npm run bench -- NAME: runs one measurement, or lists them. Results go to bench/results/. Some compare with upstream's
// programs and find them through TIPHYS_PEERS.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && !['main.ts', 'measure.ts'].includes(file))
  .map((file) => file.slice(0, -3));
const name = process.argv[2];
if (name && names.includes(name)) await import(join(here, `${name}.ts`));
else {
  console.log(`npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`);
  process.exitCode = name ? 2 : 0;
}
