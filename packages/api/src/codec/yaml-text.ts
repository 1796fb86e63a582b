// YAML as Kubernetes reads it: YAML 1.1 booleans, no dates, no base-60 numbers (sigs.k8s.io/yaml on goyaml.v2), and a bound
// on what aliases may multiply.
import { type Document, isMap, parseAllDocuments, type Tags } from 'yaml';
import { DecodeError } from './decode-error.ts';

/** Documents whose aliases would expand to more are refused. */
export const YAML_ALIASES_MAX = 1000;

const DROPPED_TAGS = new Set(['tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:omap', 'tag:yaml.org,2002:pairs', 'tag:yaml.org,2002:set']);

const kubernetesTags = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !(DROPPED_TAGS.has(tag.tag) || ('format' in tag && tag.format === 'TIME')));

export interface YamlDocument {
  value: unknown;
  /** Keys that came twice, in goyaml's words. */
  duplicates: string[];
}

function documentValue(text: string, document: Document.Parsed): YamlDocument {
  const duplicates: string[] = [];
  for (const error of document.errors) {
    const line = error.linePos?.[0].line ?? 1;
    if (error.code !== 'DUPLICATE_KEY') {
      throw new DecodeError(`error converting YAML to JSON: yaml: line ${line}: ${error.message.split(' at line ')[0]}`);
    }
    const key = /^["']?([^"':]+)/.exec(text.slice(error.pos[0]))?.[1]?.trim() ?? '';
    duplicates.push(`yaml: unmarshal errors:\n  line ${line}: key ${JSON.stringify(key)} already set in map`);
  }
  try {
    return { value: document.toJS({ maxAliasCount: YAML_ALIASES_MAX }) ?? null, duplicates };
  } catch (error) {
    if (error instanceof ReferenceError) throw new DecodeError('error converting YAML to JSON: yaml: document contains excessive aliasing');
    throw error;
  }
}

/** Every document of a stream; empty ones are left out. Throws DecodeError. */
export function readYamlDocuments(text: string): YamlDocument[] {
  const documents = parseAllDocuments(text, { version: '1.1', merge: true, customTags: kubernetesTags, strict: false, logLevel: 'silent' });
  if (!Array.isArray(documents)) return [];
  return documents
    .filter((document) => document.contents !== null || document.errors.length > 0)
    .map((document) => documentValue(text, document as Document.Parsed));
}

export const isYamlMapping = (document: Document): boolean => isMap(document.contents);
