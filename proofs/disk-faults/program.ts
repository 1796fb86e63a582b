// An API server on a store whose disk fails, asked in process. Prints what it was answered, a line of JSON each: node program.ts FILE SEED
import { writeSync } from 'node:fs';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, seededRandom } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { type Store, StoreFileError, sqliteStore } from '@tiphys/storage';
import { type Asking, asking } from './asking.ts';
import type { Fact } from './judge.ts';

const TURNS = 25;
const WRITES_AT_ONCE_MAX = 4;
const NAMES = 12;
const VALUE_BYTES_MAX = 4000;
const DELETED_SHARE = 0.3;
/** So few that the log is folded into the file every few turns. */
const CHECKPOINT_PAGES = 30;

const tell = (fact: Fact) => writeSync(1, `${JSON.stringify(fact)}\n`);

async function run({ known, write, read }: Asking, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random.number() * n);
  for (let turn = 0; turn < TURNS; turn++) {
    const names = new Set(Array.from({ length: 1 + below(WRITES_AT_ONCE_MAX) }, () => `map-${below(NAMES)}`));
    const wanted = (name: string) =>
      known.has(name) && random.number() < DELETED_SHARE ? null : random.suffix(12).padEnd(12 + below(VALUE_BYTES_MAX), 'x');
    await Promise.all(Array.from(names, (name) => write(name, wanted(name))));
    await read();
  }
}

const [path, seed] = process.argv.slice(2) as [string, string];
let store: Store | undefined;
try {
  store = sqliteStore(path, { checkpointPages: CHECKPOINT_PAGES });
} catch (error) {
  if (!(error instanceof StoreFileError)) throw error;
  tell({ type: 'refused', message: error.message });
}
if (store) {
  const server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions() });
  await server.ready;
  await run(asking(server, tell), Number(seed));
}
// Without a word to the store, as a kill does it.
process.exit();
