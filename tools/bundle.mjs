// Bundles the tiphys command and the library into dist/ for the npm package: plain JavaScript, everything in one program, and small
// modules that load it (tools/package). compile.mjs adds what V8 makes of it.
// npm runs both before `npm pack`. `node tools/bundle.mjs FOLDER PROGRAM…` makes of other programs what users would have of them.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { root } from './install.mjs';

/** What the package offers to programs. */
const LIBRARIES = { index: 'packages/cluster/src/library.ts', simulation: 'packages/simulation/src/library.ts' };
const COMMAND_LINE = 'packages/cli/src/command-line.ts';

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

/** What takes long to load and is not used by every cluster: loaded when something of it is asked for. */
const LATE = ['@grpc/grpc-js', 'node:http2'];

const lateModules = {
  name: 'late-modules',
  setup(bundle) {
    bundle.onResolve({ filter: new RegExp(`^(${LATE.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path, namespace: 'late' },
    );
    bundle.onLoad({ filter: /.*/, namespace: 'late' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => !['default', 'module.exports'].includes(name));
      const members = names.map((name) => `get ${name}() { return load().${name}; }`);
      const contents = `const load = () => require(${JSON.stringify(path)});\nmodule.exports = { ${members.join(', ')} };`;
      return { contents, resolveDir: root };
    });
  },
};

/** A single character beyond Latin-1 makes V8 keep a whole file in two bytes per character. */
const narrow = (text) => text.replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node26',
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [lateModules, requireBuiltins, parsedTables],
  write: false,
  legalComments: 'linked',
  loader: { '.json': 'json' },
};

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  // Whole or not at all: several tests may bundle the same.
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}

async function bundlePrograms(outdir, programs) {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: Object.fromEntries(programs.map((path) => [basename(path, '.ts'), path])),
    outdir,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    // Some dependencies are CommonJS and call require() for Node's own modules.
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  });
  for (const { path, text } of outputFiles) write(path, path.endsWith('.mjs') ? narrow(text) : text);
}

/**
 * One file for everything, of which V8 can keep what it made: only scripts can be given that, not modules. It is a function of what
 * CommonJS modules are given, for those who run it as a script, and calls itself where it is loaded as such a module.
 */
const FUNCTION = {
  banner: {
    js: "(typeof module==='object'?(program)=>program(exports,require,module):(program)=>program)(function(exports,require,module){'use strict';",
  },
  footer: { js: '});' },
};

/** Each part is loaded when it is asked for. */
function partsText() {
  const parts = { commandLine: COMMAND_LINE, ...LIBRARIES };
  return Object.entries(parts).map(([name, path]) => `exports.${name} = () => require('./${path}');`);
}

async function bundlePackage(outdir) {
  const { outputFiles } = await build({
    ...COMMON,
    ...FUNCTION,
    stdin: { contents: partsText().join('\n'), resolveDir: root, sourcefile: 'parts.js' },
    outfile: join(outdir, 'program.cjs'),
    // A checkout's entry is for sources.
    alias: { '@tiphys/cluster': join(root, LIBRARIES.index) },
    format: 'cjs',
  });
  for (const { path, text } of outputFiles) write(path, path.endsWith('.cjs') ? narrow(text) : text);
  const { metafile } = await build({
    ...COMMON,
    entryPoints: LIBRARIES,
    outdir,
    bundle: false,
    format: 'esm',
    metafile: true,
    plugins: [],
  });
  for (const [path, { exports }] of Object.entries(metafile.outputs)) {
    const name = basename(path, '.js');
    const text = `import { load } from './load.mjs';\nexport const { ${exports.join(', ')} } = load('cluster').${name}();\n`;
    write(join(outdir, `${name}.mjs`), text);
  }
  cpSync(join(root, 'tools', 'package'), outdir, { recursive: true });
}

const [folder, ...programs] = process.argv.slice(2);
if (folder) await bundlePrograms(folder, programs);
else {
  const outdir = join(root, 'dist');
  rmSync(outdir, { recursive: true, force: true });
  await bundlePackage(outdir);
}
