// Writes dist/types: what TypeScript needs to know of the library in the npm package. The compiler writes declarations of every
// package; those that the entry points lead to are kept, and name each other by path, because the package has no packages inside.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { root } from './install.mjs';

const ENTRIES = ['cluster/src/index.d.ts', 'simulation/src/library.d.ts'];
const out = join(root, 'dist', 'types');
const scratch = mkdtempSync(join(tmpdir(), 'tiphys-types-'));

/** `./x.ts` and `@tiphys/x` in import and export clauses, and in import types. */
const SPECIFIER = /(\bfrom |\bimport\(|\bimport )(['"])(\.[^'"]*|@tiphys\/[a-z]+)\2/g;

/** Types of packages that the bundle has swallowed: nobody has to install those for a detail that few look at. */
const BUNDLED = /^import (?:type )?(?:(\w+)|\{([^}]*)\}) from ['"](?!node:|\.|@tiphys\/)[^'"]+['"];$/gm;

function opaque(_whole, single, list) {
  const names = single
    ? [single]
    : list.split(',').map((name) =>
        name
          .replace(/^\s*type\s/, '')
          .split(' as ')
          .at(-1)
          .trim(),
      );
  return names.map((name) => `type ${name} = any;`).join('\n');
}

function fileOf(specifier, from) {
  if (specifier.startsWith('@tiphys/')) return `${specifier.slice('@tiphys/'.length)}/src/index.d.ts`;
  return join(dirname(from), specifier).replace(/\.[jt]s$/, '.d.ts');
}

function specifierOf(file, from) {
  const path = relative(dirname(from), file).replace(/\.d\.ts$/, '.js');
  return path.startsWith('.') ? path : `./${path}`;
}

try {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const flags = ['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--outDir', scratch, '-p', join(root, 'tsconfig.json')];
  // Whether the types are right is what `npm run types` tells.
  spawnSync(tsc, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const waiting = [...ENTRIES];
  const seen = new Set(waiting);
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    const source = join(scratch, 'packages', file);
    if (!existsSync(source)) throw new Error(`the compiler wrote no ${file}`);
    const text = readFileSync(source, 'utf8')
      .replace(BUNDLED, opaque)
      .replace(SPECIFIER, (_whole, before, quote, specifier) => {
        const target = fileOf(specifier, file);
        if (!seen.has(target)) {
          seen.add(target);
          waiting.push(target);
        }
        return `${before}${quote}${specifierOf(target, file)}${quote}`;
      });
    mkdirSync(dirname(join(out, file)), { recursive: true });
    writeFileSync(join(out, file), text);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
