// Configuration files in upstream's formats, read strictly: kind and version must be known, and so must every field
// (apimachinery runtime/serializer with strict decoding).
import { parse } from 'yaml';

/** What a value may be. An object of shapes knows its fields; a list of one shape is a list of such. */
export type Shape = 'string' | 'boolean' | 'number' | 'any' | 'strings' | readonly [Shape] | { readonly [field: string]: Shape };

/** A file that can't be used; the message is for whoever wrote it. */
export class ConfigurationFileError extends Error {
  override name = 'ConfigurationFileError';
}

export interface FileFormat {
  /** `apiserver.config.k8s.io/v1` and the like. */
  apiVersions: readonly string[];
  kind: string;
  shape: { readonly [field: string]: Shape };
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value);

function problems(value: unknown, shape: Shape, path: string): string[] {
  if (shape === 'any' || value === null || value === undefined) return [];
  if (shape === 'strings') return problems(value, ['string'], path);
  if (typeof shape === 'string') return typeOf(value) === shape ? [] : [`${path}: must be a ${shape}, not a ${typeOf(value)}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path}: must be a list, not a ${typeOf(value)}`];
    return value.flatMap((each, i) => problems(each, shape[0], `${path}[${i}]`));
  }
  if (typeOf(value) !== 'object') return [`${path}: must be an object, not a ${typeOf(value)}`];
  const fields = shape as { readonly [field: string]: Shape };
  return Object.entries(value as object).flatMap(([name, each]) => {
    const at = path ? `${path}.${name}` : name;
    return Object.hasOwn(fields, name) ? problems(each, fields[name]!, at) : [`unknown field ${JSON.stringify(at)}`];
  });
}

/** Reads YAML or JSON. Throws ConfigurationFileError naming everything that is wrong. */
export function parseConfigurationFile(text: string, format: FileFormat): any {
  let document: any;
  try {
    document = parse(text, { maxAliasCount: 0, uniqueKeys: true });
  } catch (error) {
    throw new ConfigurationFileError(`${format.kind}: ${(error as Error).message}`, { cause: error });
  }
  const { apiVersion = '', kind = '', ...fields } = typeOf(document) === 'object' ? document : {};
  if (kind !== format.kind || !format.apiVersions.includes(apiVersion)) {
    const wanted = format.apiVersions.join(', ');
    throw new ConfigurationFileError(
      `${format.kind}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}; wanted is ${format.kind} of ${wanted}`,
    );
  }
  const found = problems(fields, format.shape, '');
  if (found.length > 0) throw new ConfigurationFileError(`${format.kind}: strict decoding error: ${found.join(', ')}`);
  return fields;
}

/** Everything that is wrong with the content, as one error. */
export function contentError(kind: string, lines: readonly string[]): ConfigurationFileError {
  return new ConfigurationFileError(`${kind}: ${lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`}`);
}
