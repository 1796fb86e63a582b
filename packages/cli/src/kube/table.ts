// The tables that servers make for `get`, with the columns a client adds: NAMESPACE, KIND/ in names, LABELS (kubectl
// pkg/cmd/get/table_printer.go; cli-runtime printers/tableprinter.go).
import { compareQuantities, type KubeObject } from '@tiphys/api';
import { ageOf, jsonPath, relaxedJsonPath, type Table, type TableColumn, type TableRow, tableText } from '@tiphys/machinery';
import { CommandError } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { kindName } from './targets.ts';

export const TABLE_ACCEPT = ['v1', 'v1beta1']
  .map((version) => `application/json;as=Table;v=${version};g=meta.k8s.io`)
  .join(',')
  .concat(',application/json');

export interface TableFlags {
  wide: boolean;
  noHeaders: boolean;
  withNamespace: boolean;
  withKind: boolean;
  showLabels: boolean;
  labelColumns: readonly string[];
}

const column = (name: string): TableColumn => ({ name, type: 'string', format: '', description: '', priority: 0 });

/** What a server without tables gives, as the least that a table needs. */
export function asTable(answer: any, nowMs: number): Table {
  if (answer.kind === 'Table') return answer;
  const items: KubeObject[] = answer.items ?? [answer];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: answer.metadata ?? {},
    columnDefinitions: [column('Name'), column('Age')],
    rows: items.map((object) => ({
      cells: [object.metadata?.name ?? '', ageOf(object.metadata?.creationTimestamp as string, nowMs)],
      object,
    })),
  };
}

function labelsText(labels: Record<string, string> | undefined): string {
  const entries = Object.entries(labels ?? {});
  return entries.length === 0
    ? '<none>'
    : entries
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
}

/** The table with the columns that the flags ask for. */
export function decorated(
  table: Pick<Table, 'columnDefinitions' | 'rows'>,
  resource: ApiResource,
  flags: TableFlags,
): Pick<Table, 'columnDefinitions' | 'rows'> {
  const definitions = table.columnDefinitions;
  const nameIndex = definitions.findIndex(({ format, name }) => format === 'name' || name === 'Name');
  const namespaced = flags.withNamespace && resource.namespaced;
  const labelColumns = flags.labelColumns.map((label) => column(label.split('/').at(-1)!));
  const shown = flags.wide ? definitions : definitions.filter(({ priority }) => priority === 0);
  const indices = shown.map((definition) => definitions.indexOf(definition));
  const rowOf = (row: TableRow): TableRow => {
    const metadata = row.object?.metadata;
    const cells = indices.map((index) => {
      const cell = row.cells[index] ?? null;
      return flags.withKind && index === nameIndex ? `${kindName(resource)}/${cell}` : cell;
    });
    const labels = metadata?.labels as Record<string, string> | undefined;
    return {
      cells: [
        ...(namespaced ? [metadata?.namespace ?? ''] : []),
        ...cells,
        ...flags.labelColumns.map((label) => labels?.[label] ?? ''),
        ...(flags.showLabels ? [labelsText(labels)] : []),
      ],
    };
  };
  return {
    columnDefinitions: [
      ...(namespaced ? [column('Namespace')] : []),
      ...shown,
      ...labelColumns,
      ...(flags.showLabels ? [column('Labels')] : []),
    ],
    rows: table.rows.map(rowOf),
  };
}

export function tableLines(table: Pick<Table, 'columnDefinitions' | 'rows'>, resource: ApiResource, flags: TableFlags): string {
  return tableText(decorated(table, resource, flags), { wide: true, noHeaders: flags.noHeaders });
}

/** Numbers and quantities by value, everything else as text. */
function order(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a), String(b)];
  try {
    return compareQuantities(left, right);
  } catch {
    return left < right ? -1 : left > right ? 1 : 0;
  }
}

/** Sorts by a field of each object; says so when no object has it. */
export function sortedBy<T>(entries: readonly T[], objectOf: (entry: T) => unknown, sortBy: string): T[] {
  let path: ReturnType<typeof jsonPath>;
  try {
    path = jsonPath(relaxedJsonPath(sortBy), { allowMissingKeys: true });
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
  const keyed = entries.map((entry) => ({ entry, key: path.find(objectOf(entry)).flat()[0] }));
  if (keyed.length > 0 && keyed.every(({ key }) => key === undefined))
    throw new CommandError(`couldn't find any field with path ${JSON.stringify(relaxedJsonPath(sortBy))} in the list of objects`);
  return keyed.sort((a, b) => order(a.key, b.key)).map(({ entry }) => entry);
}
