// Columns that many tables share (printers/internalversion/printers.go).
import { type corev1, humanDuration, type KubeObject, type metav1 } from '@tiphys/api';
import type { Column } from '../define-resource.ts';
import { selectorText } from './labels.ts';

export const NONE = '<none>';
const UNKNOWN = '<unknown>';

/** How long ago, in kubectl's short form. */
export function since(time: string | null | undefined, nowMs: number): string {
  if (!time) return UNKNOWN;
  return humanDuration(nowMs - Date.parse(time));
}

/** How long until then. */
export function until(time: string | null | undefined, nowMs: number): string {
  if (!time) return UNKNOWN;
  return humanDuration(Date.parse(time) - nowMs);
}

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  cell: (object) => object.metadata?.name ?? '',
};
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  cell: (object, nowMs) => since(object.metadata?.creationTimestamp, nowMs),
};

type Cell<T> = Column<T>['cell'];
/** A text column. */
export const text = <T>(name: string, cell: Cell<T>): Column<T> => ({ name, type: 'string', cell });
/** A column of whole numbers. */
export const integer = <T>(name: string, cell: Cell<T>): Column<T> => ({ name, type: 'integer', cell });
/** A column of yes or no. */
export const boolean = <T>(name: string, cell: Cell<T>): Column<T> => ({ name, type: 'boolean', cell });
/** The same column, with -o wide only. */
export const wide = <T>(column: Column<T>): Column<T> => ({ ...column, priority: 1 });

/** Name first, age last. */
export const withNameAndAge = <T extends KubeObject>(...columns: Column<T>[]): Column<T>[] => [nameColumn, ...columns, ageColumn];

/** The wide columns of kinds with a pod template. */
export function templateColumns<T>(template: (object: T) => corev1.PodTemplateSpec | undefined): Column<T>[] {
  const joined = (object: T, name: 'name' | 'image') =>
    (template(object)?.spec?.containers ?? []).map((container) => container[name] ?? '').join(',');
  return [wide(text<T>('Containers', (object) => joined(object, 'name'))), wide(text<T>('Images', (object) => joined(object, 'image')))];
}

export const selectorColumn = <T>(selector: (object: T) => metav1.LabelSelector | undefined): Column<T> =>
  wide(text<T>('Selector', (object) => selectorText(selector(object))));

/** `key=value` pairs in order of keys. */
export function mapText(map: Record<string, string> | undefined): string {
  const keys = Object.keys(map ?? {}).sort();
  return keys.length ? keys.map((key) => `${key}=${map![key]}`).join(',') : NONE;
}
