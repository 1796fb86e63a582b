// The YAML documents below seeds/.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'seeds');

/** All documents of one folder of seeds, in the order of the files' names. */
export function readDocuments(below = ''): Record<string, any>[] {
  return readdirSync(join(folder, below))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, below, name), 'utf8')).map((document) => document.toJS()))
    .filter((value) => value !== null);
}
