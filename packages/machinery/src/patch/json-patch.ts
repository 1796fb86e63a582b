// JSON patch, RFC 6902, with the behaviour of the library upstream uses (evanphx/json-patch v4): negative indices count from the
// end, `replace` sets a key that is absent, and the caller learns no more than that the patch did not apply. The library reads what an
// operation goes through into maps, whose keys it then writes sorted; all else keeps its order, in which faults are found.
import { StatusError, statusError } from '../status-error.ts';
import { isObject, type JsonObject, jsonClone, jsonEqual, setKey } from './json-value.ts';

export const JSON_PATCH_OPERATIONS_MAX = 10_000;
/** What all copies of a patch may come to, as JSON: copies of copies double with each step. */
export const JSON_PATCH_COPY_BYTES_MAX = 3 * 1024 * 1024;

export interface JsonPatchOperation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

class NotApplicable extends Error {}

type Container = JsonObject | unknown[];

interface Progress {
  /** Bytes that copies came to. */
  copied: number;
  /** What an operation has gone through. */
  opened: Set<unknown>;
}

function openAll(value: unknown, { opened }: Progress): void {
  if (typeof value !== 'object' || value === null) return;
  opened.add(value);
  for (const inner of Object.values(value)) openAll(inner, { opened } as Progress);
}

/** The value with the keys of what was opened sorted. Nothing lies opened in what is closed. */
function written(value: unknown, opened: ReadonlySet<unknown>): unknown {
  if (!opened.has(value)) return value;
  if (Array.isArray(value)) return value.map((item) => written(item, opened));
  const out: JsonObject = {};
  for (const key of Object.keys(value as JsonObject).sort()) setKey(out, key, written((value as JsonObject)[key], opened));
  return out;
}

const segments = (pointer: string) => pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Go's Atoi: a decimal integer with an optional sign. */
function indexOf(key: string): number {
  if (!/^[+-]?\d+$/.test(key)) throw new NotApplicable(`value was not a proper array index: '${key}'`);
  return Number(key);
}

function existingIndex(list: unknown[], key: string): number {
  const index = indexOf(key);
  if (index >= list.length || index < -list.length) throw new NotApplicable(`Unable to access invalid index: ${index}`);
  return index < 0 ? index + list.length : index;
}

function get(container: Container, key: string): unknown {
  if (Array.isArray(container)) return container[existingIndex(container, key)];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function add(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) {
    setKey(container, key, value);
    return;
  }
  if (key === '-') {
    container.push(value);
    return;
  }
  const size = container.length + 1;
  const index = indexOf(key);
  if (index >= size || index < -size) throw new NotApplicable(`Unable to access invalid index: ${index}`);
  container.splice(index < 0 ? index + size : index, 0, value);
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(existingIndex(container, key), 1);
  else if (!Object.hasOwn(container, key)) throw new NotApplicable(`Unable to remove nonexistent key: ${key}: missing value`);
  else delete container[key];
}

function find(root: Container, pointer: string, { opened }: Progress, what: string): { container: Container; key: string } {
  const parts = segments(pointer);
  const missing = () => new NotApplicable(`${what}: ${pointer}: missing value`);
  if (parts.length < 2) throw missing();
  let container = root;
  for (const part of parts.slice(1, -1)) {
    let next: unknown;
    try {
      next = get(container, part);
    } catch {
      throw missing();
    }
    if (typeof next !== 'object' || next === null) throw missing();
    container = next as Container;
    opened.add(container);
  }
  return { container, key: parts.at(-1)! };
}

function pointerIn(operation: JsonObject, name: 'path' | 'from'): string {
  const pointer = operation[name];
  if (typeof pointer !== 'string') throw new NotApplicable(`operation missing ${name} field: missing value`);
  return pointer;
}

function test(root: Container, operation: JsonObject, progress: Progress): void {
  const path = pointerIn(operation, 'path');
  let actual: unknown = root;
  if (path !== '') {
    const { container, key } = find(root, path, progress, 'test operation does not apply: is missing path');
    actual = get(container, key);
  }
  if (!jsonEqual(actual ?? null, operation.value ?? null)) throw new NotApplicable(`testing value ${path} failed: test failed`);
  openAll(actual, progress);
}

function countCopy(value: unknown, progress: Progress): void {
  progress.copied += Buffer.byteLength(JSON.stringify(value ?? null));
  if (progress.copied <= JSON_PATCH_COPY_BYTES_MAX) return;
  throw new NotApplicable(
    `Unable to complete the copy, the accumulated size increase of copy is ${progress.copied}, exceeding the limit ${JSON_PATCH_COPY_BYTES_MAX}`,
  );
}

/** Carries out one operation; returns the root, which only a replace of the whole document changes. */
function step(root: Container, operation: JsonObject, progress: Progress): Container {
  const kind = operation.op;
  if (kind === 'test') {
    test(root, operation, progress);
    return root;
  }
  if (kind === 'move' || kind === 'copy') {
    const from = find(root, pointerIn(operation, 'from'), progress, `${kind} operation does not apply: doc is missing from path`);
    const value = get(from.container, from.key);
    if (kind === 'move') remove(from.container, from.key);
    else countCopy(value, progress);
    const to = find(root, pointerIn(operation, 'path'), progress, `${kind} operation does not apply: doc is missing destination path`);
    add(to.container, to.key, kind === 'copy' ? jsonClone(written(value ?? null, progress.opened)) : value);
    return root;
  }
  const path = pointerIn(operation, 'path');
  const value = jsonClone(operation.value ?? null);
  if (kind === 'replace' && path === '') {
    if (typeof value !== 'object' || value === null) throw new NotApplicable('replace operation value must be object or array');
    progress.opened.add(value);
    return value as Container;
  }
  if (kind !== 'add' && kind !== 'remove' && kind !== 'replace') throw new NotApplicable(`Unexpected kind: ${String(kind)}`);
  const { container, key } = find(root, path, progress, `${kind} operation does not apply: doc is missing path`);
  if (kind === 'add') add(container, key, value);
  else if (kind === 'remove') remove(container, key);
  else if (Array.isArray(container)) container[existingIndex(container, key)] = value;
  else setKey(container, key, value);
  return root;
}

/** Applies a JSON patch to a copy of the document. Throws BadRequest, RequestEntityTooLarge or Invalid as upstream does. */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  if (!Array.isArray(patch) || !patch.every(isObject)) {
    throw statusError.badRequest(
      `json: cannot unmarshal ${Array.isArray(patch) ? goKind(patch.find((o) => !isObject(o))) : goKind(patch)} into Go value of type jsonpatch.${Array.isArray(patch) ? 'Operation' : 'Patch'}`,
    );
  }
  if (patch.length > JSON_PATCH_OPERATIONS_MAX) {
    throw statusError.requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${patch.length}`,
    );
  }
  let root = jsonClone(document) as Container;
  const progress: Progress = { copied: 0, opened: new Set([root]) };
  try {
    for (const operation of patch) root = step(root, operation, progress);
  } catch (error) {
    if (!(error instanceof NotApplicable)) throw error;
    // Upstream's answer keeps the reason to itself (NewGenericServerResponse with code 422).
    throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {}, { cause: error });
  }
  return written(root, progress.opened) as T;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}
