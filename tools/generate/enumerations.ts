// Writes packages/api/src/generated/enumerations.json: which values OpenAPI lists for a field, from the constants of Go types
// that are marked +enum (kube-openapi pkg/generators/enum.go).
// Usage: node tools/generate/enumerations.ts MODULES   (the folder that holds k8s.io/api@v0.36.3 and its siblings)
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type GoType, openApiPackage, packagePaths, readImports, readPackage, sourceFiles } from './go-types.ts';

const OUTPUT = join(import.meta.dirname, '../../packages/api/src/generated/enumerations.json');

/** `values` are the lists, `fields` says which of them a field of a type (or an element of its list or map) has. */
export interface Enumerations {
  values: string[][];
  fields: Record<string, Record<string, number>>;
}

const MARKED_TYPE = /((?:^[ \t]*\/\/.*\n)+)^(?:type )?[ \t]*(\w+) string$/gm;
/** `Name Type = "value"` or `Name = Type(package.Other)`. */
const CONSTANT = /^[ \t]*(?:const )?(\w+)[ \t]+(?:(\w+)[ \t]*)?=[ \t]*(?:(\w+)\()?(?:"([^"]*)"|([\w.]+))\)?/gm;

interface Constant {
  type: string;
  value?: string;
  /** Full name of the constant whose value it has. */
  sameAs?: string;
}

interface Package {
  name: string;
  /** Marked +enum. */
  types: string[];
  /** By full name. */
  constants: Map<string, Constant>;
}

function readPackageConstants(modules: string, path: string): Package {
  const name = openApiPackage(`k8s.io/${path}`);
  const result: Package = { name, types: [], constants: new Map() };
  for (const file of sourceFiles(modules, path)) {
    const text = readFileSync(file, 'utf8');
    const imports = readImports(text);
    for (const [, comment, type] of text.matchAll(MARKED_TYPE)) if (/^\s*\/\/ ?\+enum\s*$/m.test(comment!)) result.types.push(type!);
    for (const [, constant, type, conversion, value, other] of text.matchAll(CONSTANT)) {
      const [alias, otherName] = other?.split('.') ?? [];
      const sameAs = otherName ? `${imports.get(alias!)}.${otherName}` : undefined;
      result.constants.set(`${name}.${constant}`, { type: `${name}.${conversion ?? type}`, value, sameAs });
    }
  }
  return result;
}

/** Values of all marked types by full type name, sorted. */
function readEnumerations(modules: string): Map<string, string[]> {
  const packages = packagePaths(modules).map((path) => readPackageConstants(modules, path));
  const all = new Map(packages.flatMap(({ constants }) => [...constants]));
  const found = new Map<string, Set<string>>();
  for (const { name, types } of packages) for (const type of types) found.set(`${name}.${type}`, new Set());
  for (const { type, value, sameAs } of all.values()) {
    const text = value ?? (sameAs ? all.get(sameAs)?.value : undefined);
    if (text !== undefined) found.get(type)?.add(text);
  }
  return new Map(Array.from(found, ([type, values]) => [type, [...values].sort()]));
}

/** Fields of a type with those of inlined structs, by JSON name: their Go type without pointers, lists and maps. */
function fieldTypes(types: ReadonlyMap<string, GoType>, name: string): [string, string][] {
  const type = types.get(name);
  if (!type || !('fields' in type)) return [];
  return type.fields.flatMap((field): [string, string][] =>
    field.inline ? fieldTypes(types, field.type.replace('*', '')) : [[field.json, field.type.replace(/^(?:\*|\[\]|map\[[^\]]*\])+/, '')]],
  );
}

function enumerationsOf(modules: string): Enumerations {
  const types = new Map<string, GoType>();
  const enumerations = readEnumerations(modules);
  for (const path of packagePaths(modules)) for (const [name, type] of readPackage(modules, path)) types.set(name, type);
  const result: Enumerations = { values: [], fields: {} };
  const positions = new Map<string, number>();
  for (const name of [...types.keys()].sort()) {
    for (const [field, type] of fieldTypes(types, name)) {
      const values = enumerations.get(type);
      if (!values || values.length === 0) continue;
      const key = JSON.stringify(values);
      if (!positions.has(key)) positions.set(key, result.values.push(values) - 1);
      result.fields[name] ??= {};
      result.fields[name][field] = positions.get(key)!;
    }
  }
  return result;
}

const lines = (entries: string[]) => entries.join(',\n');

/** The text of the file. */
export const generateEnumerations = (modules: string): string => textOf(enumerationsOf(modules));

export const enumerationsFile = OUTPUT;

function textOf({ values, fields }: Enumerations): string {
  const rows = Object.entries(fields).map(([name, each]) => `${JSON.stringify(name)}: ${JSON.stringify(each)}`);
  return `{\n"values": [\n${lines(values.map((list) => JSON.stringify(list)))}\n],\n"fields": {\n${lines(rows)}\n}\n}\n`;
}

if (process.argv[1] && basename(process.argv[1]) === 'enumerations.ts') {
  const modules = process.argv[2];
  if (!modules) throw new Error('usage: node tools/generate/enumerations.ts MODULES');
  writeFileSync(OUTPUT, generateEnumerations(modules));
}
