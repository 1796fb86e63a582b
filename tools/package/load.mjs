// Loads the npm package's one program, dist/program.cjs: with what V8 made of it when the package was made (compile.mjs), where
// this Node can use that. V8 takes it only from its own version with the same flags; whatever it refuses is compiled as it is needed.
import { createRequire } from 'node:module';

// By name: an import would read every export, and some are made only when they are read.
const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
const { dirname, join } = process.getBuiltinModule('node:path');
const { fileURLToPath } = process.getBuiltinModule('node:url');
const { crc32 } = process.getBuiltinModule('node:zlib');
const { setFlagsFromString } = process.getBuiltinModule('node:v8');
const { Script } = process.getBuiltinModule('node:vm');

const here = dirname(fileURLToPath(import.meta.url));
const PROGRAM = join(here, 'program.cjs');
const SUM_BYTES = 4;

/** Where it is kept what V8 made: of what a `cluster` runs, or of what `commands` do. */
export const compiledFile = (purpose) => join(here, 'compiled', `${purpose}-${process.version}-${process.platform}-${process.arch}`);

/** What was kept for this very Node; undefined when nothing was, or when it isn't whole. */
export function compiled(purpose) {
  const path = compiledFile(purpose);
  if (!existsSync(path)) return undefined;
  const kept = readFileSync(path);
  const data = kept.subarray(SUM_BYTES);
  return kept.length > SUM_BYTES && crc32(data) === kept.readUInt32LE(0) ? data : undefined;
}

export function withSum(data) {
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeUInt32LE(crc32(data));
  return Buffer.concat([sum, data]);
}

/** The program as a script of V8; it is in Latin-1, so that V8 keeps a byte per character. */
export function compile(cachedData) {
  // V8 compares its flags. A cluster sets this one to and fro, and once it was set it is never as if it hadn't been.
  setFlagsFromString('--no-memory-saver-mode');
  return new Script(readFileSync(PROGRAM, 'latin1'), { filename: PROGRAM, ...(cachedData ? { cachedData } : {}) });
}

export function run(script) {
  const exported = {};
  script.runInThisContext()(exported, createRequire(import.meta.url), { exports: exported });
  return exported;
}

let loaded;

/** What the program offers; each member is a function that loads that part of it. */
export function load(purpose) {
  if (loaded) return loaded;
  const data = compiled(purpose);
  if (data) loaded = run(compile(data));
  else {
    const require = createRequire(import.meta.url);
    // Then Node itself keeps what it makes of a command, in the user's folder; a cluster lives long and does without.
    if (purpose === 'commands') require('node:module').enableCompileCache();
    loaded = require(PROGRAM);
  }
  return loaded;
}
