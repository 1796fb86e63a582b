// YAML as Kubernetes reads it: YAML 1.1 booleans, no dates, no base-60 numbers (sigs.k8s.io/yaml on goyaml.v2), and a bound
// on what aliases may multiply.
import { Composer, type Document, isCollection, isMap, isScalar, Lexer, type Node, Parser, type Tags, type YAMLMap } from 'yaml';
import { DecodeError } from './decode-error.ts';
import { TooManyValues } from './values.ts';
import { NUMBER_TAGS } from './yaml-scalars.ts';

/** Documents whose aliases would expand to more are refused. */
export const YAML_ALIASES_MAX = 1000;
export const YAML_NESTING_MAX = 1000;
/** What the reader takes for a token it takes microseconds for: a key, its colon, a space, what it says and the end of its line are five. */
export const YAML_TOKENS_OF_VALUE = 1.5;
/** What making a document takes, though there be nothing in it. */
const TOKENS_OF_DOCUMENT = 10;
const DUPLICATES_TOLD_MAX = 100;
const TOO_DEEP = 'error converting YAML to JSON: yaml: exceeded max depth of 10000';

const DROPPED_TAGS = new Set(['timestamp', 'omap', 'pairs', 'set', 'int', 'float'].map((name) => `tag:yaml.org,2002:${name}`));

const kubernetesTags = (tags: Tags): Tags => [
  ...tags.filter((tag) => typeof tag === 'string' || !DROPPED_TAGS.has(tag.tag)),
  ...NUMBER_TAGS,
];

export interface YamlDocument {
  value: unknown;
  /** Keys that came twice, in goyaml's words. */
  duplicates: string[];
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Brackets that are open at once, wherever they stand. The reader recurses, and takes long over what is never closed. */
function assertShallow(text: string): void {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) open++;
    else if (code === 0x5d || code === 0x7d) open--;
    if (open > YAML_NESTING_MAX) throw new DecodeError(TOO_DEEP);
  }
}

const UNTOLD: Readonly<Record<string, string>> = { Infinity: '+Inf', '-Infinity': '-Inf', NaN: 'NaN' };

/** Numbers that JSON doesn't have. */
function assertFinite(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new DecodeError(`json: unsupported value: ${UNTOLD[String(value)]}`);
}

/** Looks through all keys: those that come twice are told, those that are no scalars can't be JSON's. Neither can some numbers. */
function checkKeys(text: string, root: Node | null): string[] {
  const duplicates: string[] = [];
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const node = rest.pop();
    if (isScalar(node)) assertFinite(node.value);
    if (!isCollection(node)) continue;
    if (!isMap(node)) {
      for (const item of node.items) rest.push(item);
      continue;
    }
    const seen = new Set<unknown>();
    for (const { key, value } of (node as YAMLMap).items) {
      if (isCollection(key)) {
        throw new DecodeError('error converting YAML to JSON: unsupported map key of type: map[interface {}]interface {}');
      }
      rest.push(value);
      const name = isScalar(key) ? key.value : undefined;
      if (name === undefined || name === '<<') continue;
      if (seen.has(name) && duplicates.length < DUPLICATES_TOLD_MAX) {
        const line = lineAt(text, (key as { range?: [number, number, number] }).range?.[0] ?? 0);
        duplicates.push(`yaml: unmarshal errors:\n  line ${line}: key ${JSON.stringify(String(name))} already set in map`);
      }
      seen.add(name);
    }
  }
  return duplicates;
}

function documentValue(text: string, document: Document.Parsed): YamlDocument {
  const [error] = document.errors;
  // What the reader itself recurses over goes deeper than any document should.
  if (error?.message.startsWith('Maximum call stack')) throw new DecodeError(TOO_DEEP);
  if (error) {
    throw new DecodeError(
      `error converting YAML to JSON: yaml: line ${lineAt(text, error.pos[0])}: ${error.message.split(' at line ')[0]}`,
    );
  }
  const duplicates = checkKeys(text, document.contents);
  try {
    return { value: document.toJS({ maxAliasCount: YAML_ALIASES_MAX }) ?? null, duplicates };
  } catch (error) {
    const anchor = /^Unresolved alias .*: (.*)$/.exec((error as Error).message)?.[1];
    const why = anchor
      ? `unknown anchor '${anchor}' referenced`
      : error instanceof ReferenceError
        ? 'document contains excessive aliasing'
        : (error as Error).message.startsWith('Merge sources')
          ? 'map merge requires map or sequence of maps as the value'
          : (error as Error).message;
    throw new DecodeError(`error converting YAML to JSON: yaml: ${why}`);
  }
}

/** The documents of a stream, of which no more is read than the bound allows. */
function* parsed(text: string, tokensMax: number): Generator<Document.Parsed> {
  // The library compares every key with every other: keys that come twice are looked for here.
  const composer = new Composer({
    version: '1.1',
    merge: true,
    customTags: kubernetesTags,
    strict: false,
    logLevel: 'silent',
    uniqueKeys: false,
    prettyErrors: false,
  });
  const parser = new Parser();
  let tokens = 0;
  const read = function* () {
    for (const token of new Lexer().lex(text)) {
      if (++tokens > tokensMax) throw new TooManyValues(Math.floor(tokensMax / YAML_TOKENS_OF_VALUE));
      yield* parser.next(token);
    }
    yield* parser.end();
  };
  for (const document of composer.compose(read()) as Generator<Document.Parsed>) {
    tokens += TOKENS_OF_DOCUMENT;
    yield document;
  }
}

/** Every document of a stream; empty ones are left out. Throws DecodeError, or TooManyValues. */
export function readYamlDocuments(text: string, tokensMax = Number.POSITIVE_INFINITY): YamlDocument[] {
  assertShallow(text);
  return [...parsed(text, tokensMax)]
    .filter((document) => document.contents !== null || document.errors.length > 0)
    .map((document) => documentValue(text, document));
}

export const isYamlMapping = (document: Document): boolean => isMap(document.contents);
