// Evaluates JSONPath templates on JSON values and prints the findings as kubectl does (client-go util/jsonpath/jsonpath.go).
import { type PathAction, type PathNode, parseTemplate } from './parser.ts';

export interface JsonPathOptions {
  /** Absent fields give nothing instead of an error. kubectl get allows them. */
  allowMissingKeys?: boolean;
}

export interface JsonPath {
  /** What each action finds, in order. Throws an Error with upstream's sentence. */
  find(data: unknown): unknown[][];
  /** The template with its actions replaced by what they find. */
  print(data: unknown): string;
}

const isPresent = (value: unknown) => value !== undefined && value !== null;
const goType = (value: unknown) =>
  Array.isArray(value)
    ? '[]interface {}'
    : typeof value === 'object'
      ? 'map[string]interface {}'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'number'
          ? Number.isInteger(value)
            ? 'int64'
            : 'float64'
          : typeof value;

/** The values below one; maps in the order of their keys, so that output is stable. */
function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return [];
  const entries = value as Record<string, unknown>;
  return Object.keys(entries)
    .sort()
    .map((key) => entries[key]);
}

function descendants(value: unknown): unknown[] {
  const children = childrenOf(value);
  return children.length === 0 ? [] : [value, ...children.flatMap(descendants)];
}

function slice(value: unknown, node: Extract<PathNode, { type: 'array' }>): unknown[] {
  if (!isPresent(value)) return [];
  if (!Array.isArray(value)) throw new Error(`${goType(value)} is not array or slice`);
  const { length } = value;
  const [first, second, step] = node.bounds;
  let start = first.known ? first.value : 0;
  let end = second.known ? second.value : length;
  if (start < 0) start += length;
  if (end < 0 || (end === 0 && second.derived)) end += length;
  if (start === end) return [];
  if (start >= length || start < 0) throw new Error(`array index out of bounds: index ${start}, length ${length}`);
  if (end > length || end < 0) throw new Error(`array index out of bounds: index ${end - 1}, length ${length}`);
  if (start > end) throw new Error(`starting index ${start} is greater than ending index ${end}`);
  if (step.known && step.value <= 0) throw new Error('step must be > 0');
  const every = step.known ? step.value : 1;
  return value.slice(start, end).filter((_, i) => i % every === 0);
}

function compared(left: unknown, right: unknown, operator: string): boolean {
  if (typeof left !== typeof right) throw new Error('incompatible types for comparison');
  if (!['string', 'number', 'boolean'].includes(typeof left)) throw new Error('invalid type for comparison');
  const [a, b] = [left as string | number, right as string | number];
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
    case '<=':
      return a <= b;
    case '>=':
      return a >= b;
    default:
      throw new Error(`unrecognized filter operator ${operator}`);
  }
}

class Evaluator {
  readonly #allowMissingKeys: boolean;

  constructor(options: JsonPathOptions) {
    this.#allowMissingKeys = options.allowMissingKeys ?? false;
  }

  walk(values: unknown[], nodes: readonly PathNode[]): unknown[] {
    let current = values;
    for (const node of nodes) current = this.#step(current, node);
    return current;
  }

  #step(values: unknown[], node: PathNode): unknown[] {
    switch (node.type) {
      case 'text':
        return [node.text];
      case 'value':
        return values.map(() => node.value);
      case 'field':
        return this.#field(values, node.name);
      case 'array':
        return values.flatMap((value) => slice(value, node));
      case 'wildcard':
        return values.flatMap(childrenOf);
      case 'recursive':
        return values.flatMap(descendants);
      case 'union':
        return node.branches.flatMap((branch) => this.walk(values, branch));
      case 'filter':
        return values.flatMap((value) => this.#filter(value, node));
      case 'identifier':
        throw new Error(`unrecognized identifier ${node.name}`);
    }
  }

  #field(values: unknown[], name: string): unknown[] {
    if (values.length === 0) return [];
    const found: unknown[] = [];
    for (const value of values) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
      if (Object.hasOwn(value, name)) found.push((value as Record<string, unknown>)[name]);
    }
    if (found.length === 0 && !this.#allowMissingKeys) throw new Error(`${name} is not found`);
    return found;
  }

  #filter(value: unknown, node: Extract<PathNode, { type: 'filter' }>): unknown[] {
    if (!Array.isArray(value)) throw new Error(`${goType(value)} is not array or slice and cannot be filtered`);
    return value.filter((item) => {
      if (node.operator === 'exists') {
        try {
          return this.walk([item], node.left).length > 0;
        } catch {
          return false;
        }
      }
      const left = this.walk([item], node.left);
      if (left.length === 0) return false;
      if (left.length > 1) throw new Error('can only compare one element at a time');
      const right = this.walk([item], node.right);
      if (right.length === 0) return false;
      if (right.length > 1) throw new Error('can only compare one element at a time');
      return compared(left[0], right[0], node.operator);
    });
  }

  /** Evaluates actions from `start` until the `{end}` of the range they are in; returns where that is. */
  find(actions: readonly PathAction[], start: number, data: unknown, depth: number, results: unknown[][]): number {
    for (let i = start; i < actions.length; i++) {
      const action = actions[i]!;
      const head = action[0];
      if (head?.type === 'identifier' && head.name === 'end') {
        if (depth === 0) throw new Error('not in range, nothing to end');
        return i;
      }
      if (head?.type === 'identifier' && head.name === 'range') {
        for (const item of this.walk([data], action.slice(1))) this.find(actions, i + 1, item, depth + 1, results);
        i = endOfRange(actions, i);
        continue;
      }
      results.push(this.walk([data], action));
    }
    return actions.length;
  }
}

/** The index of the `{end}` that closes the range at `start`, or the last action. */
function endOfRange(actions: readonly PathAction[], start: number): number {
  let depth = 0;
  for (let i = start; i < actions.length; i++) {
    const head = actions[i]![0];
    if (head?.type !== 'identifier') continue;
    if (head.name === 'range') depth++;
    else if (head.name === 'end' && --depth === 0) return i;
  }
  return actions.length;
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(entries)
      .sort()
      .map((key) => [key, sortedKeys(entries[key])]),
  );
}

/** Go's json.Marshal: sorted keys, and what HTML gives a meaning to is escaped. */
const goJson = (value: unknown) =>
  JSON.stringify(sortedKeys(value)).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** One value as kubectl prints it. */
export function jsonPathText(value: unknown): string {
  if (!isPresent(value)) return 'null';
  return typeof value === 'object' ? goJson(value) : String(value);
}

/** Compiles a template such as `{range .items[*]}{.metadata.name}{"\n"}{end}`. Throws an Error with upstream's sentence. */
export function jsonPath(template: string, options: JsonPathOptions = {}): JsonPath {
  const actions = parseTemplate(template);
  const evaluator = new Evaluator(options);
  const find = (data: unknown) => {
    const results: unknown[][] = [];
    evaluator.find(actions, 0, data, 0, results);
    return results;
  };
  return {
    find,
    print: (data) =>
      find(data)
        .map((values) => values.map(jsonPathText).join(' '))
        .join(''),
  };
}

/** What people write for `-o custom-columns` and `--sort-by` as a template: `x.y`, `.x.y`, `{x.y}` and `{.x.y}` are the same. */
export function relaxedJsonPath(text: string): string {
  if (text === '') return text;
  const match = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(text);
  if (!match) {
    throw new Error(`unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`);
  }
  return `{.${match[1] ?? match[2]}}`;
}
