// OpenAPI v2 documents of other servers taken into the own one (kube-openapi pkg/aggregator): their paths with the definitions
// those speak of; one name for what is the same, a new name for what differs.
import { jsonEqual } from '@tiphys/machinery';
import type { DelegatedVersion } from './delegated.ts';

export interface OpenApiV2 {
  paths: Record<string, unknown>;
  definitions: Record<string, unknown>;
}

const PREFIX = '#/definitions/';

/** Calls back for every reference; what it returns takes the reference's place. */
function mapped(value: unknown, onReference: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => mapped(each, onReference));
  if (value === null || typeof value !== 'object') return value;
  const result: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) {
    result[key] =
      key === '$ref' && typeof each === 'string' && each.startsWith(PREFIX)
        ? PREFIX + onReference(each.slice(PREFIX.length))
        : mapped(each, onReference);
  }
  return result;
}

/** Names of the definitions that a value speaks of, directly and through others. */
function reached(value: unknown, definitions: Record<string, unknown>): Set<string> {
  const names = new Set<string>();
  const visit = (from: unknown): void => {
    mapped(from, (name) => {
      if (!names.has(name)) {
        names.add(name);
        visit(definitions[name]);
      }
      return name;
    });
  };
  visit(value);
  return names;
}

function freeName(name: string, taken: Record<string, unknown>): string {
  let number = 2;
  while (Object.hasOwn(taken, `${name}_v${number}`)) number++;
  return `${name}_v${number}`;
}

function mergeOne(into: OpenApiV2, { group, version, openApiV2 }: DelegatedVersion): void {
  const other = openApiV2 as Partial<OpenApiV2>;
  const prefix = `/apis/${group}/${version}/`;
  const paths = Object.entries(other.paths ?? {}).filter(([path]) => `${path}/`.startsWith(prefix));
  const definitions = other.definitions ?? {};
  const renamed = new Map<string, string>();
  const names = [...reached(paths, definitions)].filter((name) => Object.hasOwn(definitions, name));
  for (const name of names) {
    const isNew = !Object.hasOwn(into.definitions, name) || jsonEqual(into.definitions[name], definitions[name]);
    if (!isNew) renamed.set(name, freeName(name, into.definitions));
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  for (const name of names) into.definitions[rename(name)] = mapped(definitions[name], rename);
  for (const [path, item] of paths) into.paths[path] = mapped(item, rename);
}

/** A new document; the first isn't changed. */
export function mergedOpenApiV2<T extends OpenApiV2>(own: T, delegated: readonly DelegatedVersion[]): T {
  const documents = delegated.filter(({ openApiV2 }) => openApiV2);
  if (documents.length === 0) return own;
  const merged = { ...own, paths: { ...own.paths }, definitions: { ...own.definitions } };
  for (const each of documents) mergeOne(merged, each);
  return merged;
}
