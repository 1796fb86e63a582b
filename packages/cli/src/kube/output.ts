// -o: which form objects are printed in (kubectl pkg/cmd/get/get_flags.go, customcolumn.go).
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KubeObject } from '@tiphys/api';
import { alignedText, jsonPath, relaxedJsonPath } from '@tiphys/machinery';
import { CommandError, type Terminal } from '../terminal.ts';
import { kindName } from './targets.ts';
import { jsonText, withoutManagedFields, yamlText } from './text.ts';

/** Prints whole objects: one, or a List of them. */
export type ObjectPrinter = (object: KubeObject & { items?: KubeObject[] }) => string;

export interface OutputOptions {
  noHeaders?: boolean;
  showManagedFields?: boolean;
}

const ALLOWED = 'custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml';

const itemsOf = (object: KubeObject & { items?: KubeObject[] }): KubeObject[] => object.items ?? [object];

export function nameText(object: KubeObject): string {
  const [group, version] = (object.apiVersion ?? '').split('/');
  return `${kindName({ kind: object.kind ?? '', group: version ? group! : '' })}/${object.metadata?.name ?? ''}`;
}

function jsonPathPrinter(template: string): ObjectPrinter {
  if (template === '') throw new CommandError('template format specified but no template given');
  try {
    const compiled = jsonPath(template, { allowMissingKeys: true });
    return (object) => {
      try {
        return compiled.print(object);
      } catch (error) {
        throw new CommandError(`error executing jsonpath ${JSON.stringify(template)}: ${(error as Error).message}`);
      }
    };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`error parsing jsonpath ${template}, ${(error as Error).message}`);
  }
}

/** As Go's fmt prints a value: `map[a:1 b:2]`, `[x y]`. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, inner]) => `${key}:${goText(inner)}`).join(' ')}]`;
}

function columnsPrinter(spec: string, noHeaders: boolean): ObjectPrinter {
  if (spec === '') throw new CommandError('custom-columns format specified but no custom columns given');
  const columns = spec.split(',').map((part) => {
    const colon = part.indexOf(':');
    if (colon < 0) throw new CommandError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    try {
      const path = jsonPath(relaxedJsonPath(part.slice(colon + 1)), { allowMissingKeys: true });
      return { header: part.slice(0, colon), path };
    } catch (error) {
      throw new CommandError((error as Error).message);
    }
  });
  return (object) => {
    const lines = itemsOf(object).map((item) =>
      columns.map(({ path }) => {
        const values = path.find(item).flat();
        return values.length === 0 ? '<none>' : values.map(goText).join(',');
      }),
    );
    return alignedText(noHeaders ? lines : [columns.map(({ header }) => header), ...lines]);
  };
}

function printerOf(output: string, terminal: Terminal, options: OutputOptions): ObjectPrinter {
  const [format, ...rest] = output.split('=');
  const argument = rest.join('=');
  const file = () => readFileSync(resolve(terminal.workingFolder, argument), 'utf8').trim();
  switch (format) {
    case 'json':
      return jsonText;
    case 'yaml':
      return yamlText;
    case 'name':
      return (object) =>
        itemsOf(object)
          .map((item) => `${nameText(item)}\n`)
          .join('');
    case 'jsonpath':
      return jsonPathPrinter(argument);
    case 'jsonpath-file':
      return jsonPathPrinter(file());
    case 'jsonpath-as-json': {
      const template = jsonPath(argument, { allowMissingKeys: true });
      return (object) => jsonText(template.find(object).flat());
    }
    case 'custom-columns':
      return columnsPrinter(argument, options.noHeaders ?? false);
    case 'custom-columns-file': {
      const [headers = '', specs = ''] = file().split('\n');
      const fields = specs.trim().split(/\s+/);
      const spec = headers
        .trim()
        .split(/\s+/)
        .map((header, index) => `${header}:${fields[index] ?? ''}`);
      return columnsPrinter(spec.join(','), options.noHeaders ?? false);
    }
    default:
      throw new CommandError(
        `unable to match a printer suitable for the output format ${JSON.stringify(format)}, allowed formats are: ${ALLOWED}`,
      );
  }
}

/** undefined for the tables that servers make (no -o, and -o wide). */
export function objectPrinter(output: string | undefined, terminal: Terminal, options: OutputOptions = {}): ObjectPrinter | undefined {
  if (!output || output === 'wide') return undefined;
  const print = printerOf(output, terminal, options);
  return options.showManagedFields ? print : (object) => print(withoutManagedFields(object));
}

/** Several objects as the one List that kubectl makes of them. */
export function listOf(items: KubeObject[]): KubeObject & { items: KubeObject[] } {
  return { apiVersion: 'v1', kind: 'List', items, metadata: { resourceVersion: '' } };
}
