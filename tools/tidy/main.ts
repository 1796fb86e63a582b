// Checks what the compiler can't: layers, sizes, forbidden ambient time and chance, unreachable files. See edges.ts for the table.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkBans, checkEdges, checkManifest, checkReachable, checkSizes, type SourceFile } from './checks.ts';
import { EDGES } from './edges.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'generated', 'dist', 'testdata'].includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.(ts|mjs)$/.test(entry.name)) yield path;
  }
}

const problems: string[] = [];
for (const packageName of Object.keys(EDGES)) {
  const folder = join(root, 'packages', packageName);
  const files: SourceFile[] = [...sources(join(folder, 'src'))].map((path) => ({
    path: relative(root, path),
    packageName,
    isTest: /\.test\.ts$|\/testing\//.test(path),
    text: readFileSync(path, 'utf8'),
  }));
  for (const file of files) problems.push(...checkEdges(file), ...checkSizes(file), ...checkBans(file));
  problems.push(...checkReachable(files, packageName));
  problems.push(...checkManifest(packageName, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))));
}
for (const name of readdirSync(join(root, 'packages'))) if (!(name in EDGES)) problems.push(`packages/${name}: not in tools/tidy/edges.ts`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`tidy: ${problems.length} problems`);
  process.exitCode = 1;
}
