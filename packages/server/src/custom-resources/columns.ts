// Printer columns of custom resources (apiextensions registry/customresource/tableconvertor).
import type { apiextensionsv1, KubeObject } from '@tiphys/api';
import { ageOf, type JsonPath, jsonPath, jsonPathText } from '@tiphys/machinery';
import type { Column } from '@tiphys/registry';

type ColumnDefinition = apiextensionsv1.CustomResourceColumnDefinition;

const NAME: Column<KubeObject> = { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata?.name ?? '' };
const AGE: ColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

export function customColumns(definitions: readonly ColumnDefinition[] | undefined): Column<KubeObject>[] {
  return [NAME, ...(definitions?.length ? definitions : [AGE]).map(columnOf)];
}

function columnOf({ name, type, format, description, priority, jsonPath: path }: ColumnDefinition): Column<KubeObject> {
  let parsed: JsonPath | undefined;
  return {
    name,
    type: type as Column<KubeObject>['type'],
    ...(format ? { format: format as '' } : {}),
    ...(description ? { description } : {}),
    ...(priority ? { priority } : {}),
    cell(object, nowMs) {
      parsed ??= jsonPath(`{${path}}`, { allowMissingKeys: true });
      let found: unknown;
      try {
        found = parsed.find(object)[0]?.[0];
      } catch {
        return null;
      }
      return found === undefined || found === null ? null : cellOf(type, found, nowMs);
    },
  };
}

/** Values of another type than the column's are left out, as upstream does. */
function cellOf(type: string, value: unknown, nowMs: number): string | number | boolean | null {
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageOf(value, nowMs) : null;
    default:
      return typeof value === 'object' ? jsonPathText(value) : String(value);
  }
}
