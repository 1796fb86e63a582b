// Bundles the tiphys command and the library into dist/ for the npm package: plain JavaScript, everything in.
// npm runs it before `npm pack`. `node tools/bundle.mjs FOLDER PROGRAM…` makes of other programs what users would have of them.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './install.mjs';

const PACKAGE = {
  tiphys: 'packages/cli/src/main.ts',
  index: 'packages/cluster/src/library.ts',
  simulation: 'packages/simulation/src/library.ts',
};

const [folder, ...programs] = process.argv.slice(2);
const entryPoints = folder ? Object.fromEntries(programs.map((path) => [basename(path, '.ts'), path])) : PACKAGE;
const outdir = folder ?? join(root, 'dist');
if (!folder) rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });

/**
 * Node's own modules by require(): an import reads every export, and some of those are made only when they are read (an HTTP
 * client, a thousand root certificates) and cost 6 MB.
 */
const requireBuiltins = {
  name: 'require-builtins',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:/ }, ({ path, kind, namespace }) =>
      kind === 'import-statement' && namespace !== 'builtin' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    bundle.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** Large tables as text: JSON.parse() reads it faster than V8 reads an object literal, and nothing of it is kept besides the result. */
const parsedTables = {
  name: 'parsed-tables',
  setup(bundle) {
    bundle.onLoad({ filter: /[/\\]packages[/\\].*\.json$/ }, ({ path }) => {
      const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
      return { contents: `export default JSON.parse(${JSON.stringify(text)});` };
    });
  },
};

/** A single character beyond Latin-1 makes V8 keep a whole file in two bytes per character. */
const narrow = (text) => text.replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints,
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  format: 'esm',
  target: 'node26',
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [requireBuiltins, parsedTables],
  write: false,
  legalComments: 'linked',
  loader: { '.json': 'json' },
  // Some dependencies are CommonJS and call require() for Node's own modules.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});

for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  // Whole or not at all: several tests may bundle the same.
  writeFileSync(`${path}.${process.pid}`, path.endsWith('.mjs') ? narrow(text) : text);
  renameSync(`${path}.${process.pid}`, path);
}
