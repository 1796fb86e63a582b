// meta.k8s.io/v1 Table, what servers answer kubectl get with, and its text form (apimachinery meta/v1 types.go;
// cli-runtime printers/tableprinter.go and tabwriter.go).
import type { KubeObject, ListMeta } from '@tiphys/api';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  /** 0 is always shown, more only with -o wide. */
  priority: number;
}

export type TableCell = string | number | boolean | null | object;

export interface TableRow {
  cells: TableCell[];
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  /** By the request's includeObject: PartialObjectMetadata (default), the whole object, or nothing. */
  object?: KubeObject;
}

export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: ListMeta;
  columnDefinitions: TableColumn[];
  rows: TableRow[];
}

export interface TableTextOptions {
  wide?: boolean;
  noHeaders?: boolean;
}

const CELL_WIDTH_MIN = 6;
const PADDING = 3;

/** Lines of cells, each column as wide as its widest cell; the last cell of a line is not padded. */
export function alignedText(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const line of lines) {
    for (let i = 0; i < line.length - 1; i++) {
      widths[i] = Math.max(widths[i] ?? CELL_WIDTH_MIN, [...line[i]!].length + PADDING);
    }
  }
  return lines
    .map((line) => {
      let text = '';
      line.forEach((cell, i) => {
        text += i === line.length - 1 ? cell : cell + ' '.repeat(widths[i]! - [...cell].length);
      });
      return `${text}\n`;
    })
    .join('');
}

// Control characters would let an object's text steer the terminal; upstream writes the escape as ^[.
const escaped = (text: string) => text.replaceAll('\u001b', '^[');

function cellText(cell: TableCell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return escaped(typeof cell === 'object' ? JSON.stringify(cell) : String(cell));
  const end = cell.search(/[\f\n\r]/);
  return end < 0 ? escaped(cell) : `${escaped(cell.slice(0, end))}...`;
}

/** The table as kubectl get prints it; nothing at all when it has no rows and headers are wanted. */
export function tableText(table: Pick<Table, 'columnDefinitions' | 'rows'>, options: TableTextOptions = {}): string {
  if (!options.noHeaders && table.rows.length === 0) return '';
  const shown = table.columnDefinitions
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => options.wide || column.priority === 0);
  const lines = table.rows.map((row) =>
    shown.filter(({ index }) => index < row.cells.length).map(({ index }) => cellText(row.cells[index]!)),
  );
  if (!options.noHeaders) lines.unshift(shown.map(({ column }) => column.name.toUpperCase()));
  return alignedText(lines);
}
