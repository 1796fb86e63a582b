// Writes packages/api/src/generated/go-types.json: what only the Go sources say of each type: field order, pointers,
// omitempty, inlined structs, named types, protobuf numbers.
// Usage: node tools/generate/go-types.ts MODULES   (the folder that holds k8s.io/api@v0.36.3 and its siblings)
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const VERSION = 'v0.36.3';
const OUTPUT = join(import.meta.dirname, '../../packages/api/src/generated/go-types.json');

const FACTS = join(import.meta.dirname, '../../packages/api/src/generated/types.json');

/** Kinds that travel although no resource serves them: reviews, discovery documents, options. */
const UNSERVED_KINDS =
  /\.(admission\.v1|apidiscovery\.v2|apidiscovery\.v2beta1|imagepolicy\.v1alpha1|core\.v1|meta\.v1|apiextensions\.v1)\.\w+$/;

/** Packages outside k8s.io/api; inside it every group version is read. */
const OTHER_PACKAGES = [
  'apimachinery/pkg/apis/meta/v1',
  'apimachinery/pkg/runtime',
  'apimachinery/pkg/util/intstr',
  'apimachinery/pkg/api/resource',
  'apimachinery/pkg/types',
  'apimachinery/pkg/version',
  'apiextensions-apiserver/pkg/apis/apiextensions/v1',
  'kube-aggregator/pkg/apis/apiregistration/v1',
];

/** Old group versions that v1.36 doesn't serve and nobody sends. */
const NOT_SERVED =
  /^api\/(apps|batch|extensions|policy|events|discovery|rbac|node|flowcontrol|authentication|authorization)\/v\d+(alpha|beta)/;

/** JSON and protobuf forms of these are written by hand, in codec and protobuf code. */
const OPAQUE = new Set([
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
]);

/** Helpers of the Go packages that never travel as objects. */
const NOT_WIRE = /\.(TypeMeta|FieldsV1|InternalEvent|Unknown|TypeMeta|Object|ProtobufMarshaller)$/;

export interface GoField {
  /** Go's name, which error messages show for inlined structs. */
  go: string;
  json: string;
  type: string;
  omitEmpty: boolean;
  omitZero: boolean;
  inline: boolean;
  number: number;
}

export type GoType = { fields: GoField[] } | { alias: string };

const SCALARS = new Set(['string', 'bool', 'int32', 'int64', 'int', 'uint32', 'uint64', 'float32', 'float64', 'byte', 'uint8']);

/** `k8s.io/api/core/v1` → `io.k8s.api.core.v1`. */
export const openApiPackage = (path: string) => path.replace(/^k8s\.io\//, 'io.k8s.').replaceAll('/', '.');

/** The files of a package that people wrote. */
export function sourceFiles(modules: string, path: string): string[] {
  const [module, ...rest] = path.split('/');
  const folder = join(modules, `${module}@${VERSION}`, ...rest);
  const files = readdirSync(folder).filter((file) => file.endsWith('.go') && !/_test\.go$|^zz_|generated|swagger/.test(file));
  return files.sort().map((file) => join(folder, file));
}

export function readPackage(modules: string, path: string): Map<string, GoType> {
  const types = new Map<string, GoType>();
  for (const file of sourceFiles(modules, path)) readFile(readFileSync(file, 'utf8'), openApiPackage(`k8s.io/${path}`), types);
  return types;
}

/** The packages that a file imports, by the name they have in it. */
export function readImports(text: string): Map<string, string> {
  const imports = new Map<string, string>();
  for (const [, alias, path] of text.matchAll(/^\s*(?:import\s+)?([A-Za-z0-9_]+\s+)?"(k8s\.io\/[^"]+)"$/gm)) {
    imports.set(alias?.trim() || path!.split('/').at(-1)!, openApiPackage(path!));
  }
  return imports;
}

function readFile(text: string, ownPackage: string, types: Map<string, GoType>): void {
  const imports = readImports(text);
  const qualify = (type: string): string =>
    type.replace(/(?:([A-Za-z0-9_]+)\.)?([A-Za-z0-9_]+)(?![A-Za-z0-9_.])/g, (whole, alias: string | undefined, name: string) => {
      if (!alias && (SCALARS.has(name) || name === 'map')) return whole;
      return alias ? `${imports.get(alias) ?? alias}.${name}` : `${ownPackage}.${name}`;
    });
  for (const match of text.matchAll(/^type ([A-Z]\w*) (?:= )?(struct \{\n([\s\S]*?)^\}|struct \{\s*\}|[^\s{]+)/gm)) {
    const name = `${ownPackage}.${match[1]}`;
    if (!match[2]!.startsWith('struct')) types.set(name, { alias: qualify(match[2]!) });
    else types.set(name, { fields: (match[3] ?? '').split('\n').flatMap((line) => readField(line, qualify)) });
  }
}

function readField(line: string, qualify: (type: string) => string): GoField[] {
  const match = /^\s*(?:([A-Za-z0-9_]+)\s+)?([^\s`]+)\s+`([^`]*)`/.exec(line);
  if (!match || line.trimStart().startsWith('//')) return [];
  const json = /json:"([^"]*)"/.exec(match[3]!)?.[1];
  const number = Number(/protobuf:"[^",]*,(\d+)/.exec(match[3]!)?.[1] ?? 0);
  if (json === undefined || json === '-') return [];
  const [jsonName, ...options] = json.split(',');
  const embedded = !match[1];
  const go = match[1] ?? match[2]!.replace(/^\*/, '').split('.').at(-1)!;
  const inline = options.includes('inline') || (embedded && jsonName === '');
  const omit = { omitEmpty: options.includes('omitempty'), omitZero: options.includes('omitzero') };
  return [
    {
      go,
      json: jsonName || go,
      type: match[2] === 'interface{}' || match[2] === '[]interface{}' ? match[2] : qualify(match[2]!),
      ...omit,
      inline,
      number,
    },
  ];
}

/** All packages below k8s.io/api that hold a types.go. */
function apiPackages(modules: string): string[] {
  const root = join(modules, `api@${VERSION}`);
  const groups = readdirSync(root).filter((group) => statSync(join(root, group)).isDirectory() && group !== 'testdata');
  return groups.flatMap((group) =>
    readdirSync(join(root, group))
      .filter((version) => /^v\d/.test(version))
      .map((version) => `api/${group}/${version}`)
      .filter((path) => !NOT_SERVED.test(path)),
  );
}

/** Named scalars keep Go's name for messages: `v1.RestartPolicy:string`. Everything else named becomes an index. */
class Table {
  readonly all: Map<string, GoType>;
  readonly names: string[];

  constructor(all: Map<string, GoType>) {
    this.all = all;
    const wire = [...all].filter(([name, type]) => !NOT_WIRE.test(name) && ('fields' in type || !this.scalar(name)));
    this.names = [...new Set([...wire.map(([name]) => name), ...OPAQUE])].sort();
  }

  scalar(name: string): string | undefined {
    const type = this.all.get(name);
    if (!type || 'fields' in type || OPAQUE.has(name)) return undefined;
    return SCALARS.has(type.alias) ? type.alias : this.scalar(type.alias);
  }

  encode(type: string): string {
    if (type === '[]byte') return 'bytes';
    if (/^(interface\{\}|any)$/.test(type)) return 'any';
    if (type.startsWith('*')) return `*${this.encode(type.slice(1))}`;
    if (type.startsWith('[]')) return `[]${this.encode(type.slice(2))}`;
    const map = /^map\[([^\]]+)\](.+)$/.exec(type);
    if (map) return `map[${this.encode(map[1]!)}]${this.encode(map[2]!)}`;
    if (SCALARS.has(type)) return type;
    const scalar = this.scalar(type);
    if (scalar) return `${type.split('.').slice(-2).join('.')}:${scalar}`;
    const index = this.names.indexOf(type);
    return index < 0 ? '?' : `>${index}`;
  }
}

/** Every package with types that travel. */
export const packagePaths = (modules: string): string[] => [...apiPackages(modules), ...OTHER_PACKAGES];

/** Only what objects on the wire can reach: kinds (they inline TypeMeta), list types, and what those refer to. */
function reachable(table: Table, served: Set<string>): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name) || !table.names.includes(name)) return;
    seen.add(name);
    const type = table.all.get(name);
    const inner = !type || OPAQUE.has(name) ? [] : 'fields' in type ? type.fields.map((field) => field.type) : [type.alias];
    for (const text of inner) for (const ref of text.match(/io\.k8s[\w.-]*/g) ?? []) visit(ref);
  };
  for (const [name, type] of table.all) {
    const kind = 'fields' in type && type.fields.some((field) => field.inline && field.go === 'TypeMeta');
    if (kind && (served.has(name) || UNSERVED_KINDS.test(name))) visit(name);
  }
  for (const name of [...OPAQUE, ...served]) visit(name);
  return seen;
}

/** Everything a JSON schema table of its own can't say, compactly: see packages/api/src/go-types.ts for the reader. */
export function generateGoTypes(modules: string): string {
  const all = new Map<string, GoType>();
  for (const path of packagePaths(modules)) for (const [name, type] of readPackage(modules, path)) all.set(name, type);
  const table = new Table(all);
  const keep = reachable(table, new Set(Object.keys(JSON.parse(readFileSync(FACTS, 'utf8')))));
  table.names.splice(0, table.names.length, ...table.names.filter((name) => keep.has(name)));
  const lines = table.names.map((name) => {
    const type = OPAQUE.has(name) ? { fields: [] } : all.get(name)!;
    if (!('fields' in type)) return JSON.stringify(table.encode(type.alias));
    const fields = type.fields.filter((field) => field.go !== 'TypeMeta' || !field.inline);
    const kind = type.fields.length !== fields.length;
    const rows = fields.map((field) => {
      const flags = `${field.omitEmpty ? 'o' : ''}${field.omitZero ? 'z' : ''}${field.inline ? 'i' : ''}`;
      return [field.inline ? field.go : field.json, flags, field.number, table.encode(field.type)];
    });
    return JSON.stringify(kind ? ['kind', ...rows] : rows);
  });
  return `{\n"names": ${JSON.stringify(table.names)},\n"types": [\n${lines.join(',\n')}\n]}\n`;
}

export const goTypesFile = OUTPUT;

if (process.argv[1] && basename(process.argv[1]) === 'go-types.ts') {
  const modules = process.argv[2];
  if (!modules) throw new Error('usage: node tools/generate/go-types.ts MODULES');
  writeFileSync(OUTPUT, generateGoTypes(modules));
}
