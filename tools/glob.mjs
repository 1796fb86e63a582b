// Files under a folder whose relative path matches, in order. Node 20 has no fs.globSync.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const SKIPPED = new Set(['node_modules', '.git', 'dist', 'generated']);

export function globSync(root, pattern, folder = '') {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) found.push(...globSync(root, pattern, path));
    else if (entry.isFile() && pattern.test(path)) found.push(path);
  }
  return found.sort();
}
