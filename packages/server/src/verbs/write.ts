// What all writes share: committing to the store and turning its refusals into upstream's errors.
import { jsonEqual, StatusError, statusError } from '@tiphys/machinery';
import type { RuleContext } from '@tiphys/registry';
import { Retryable } from '@tiphys/std';
import { type StoreOperation, type StoreResult, UncertainWrite } from '@tiphys/storage';
import { Entry, encodeStored, type PlainObject } from '../cache/entry.ts';
import type { Core, RequestContext } from '../request/context.ts';
import type { Endpoint } from '../resources.ts';

export const OPTIMISTIC_LOCK = 'the object has been modified; please apply your changes to the latest version and try again';

/** The largest object the store accepts, as etcd's default request limit. */
export const STORED_BYTES_MAX = 1_572_864;

const VERSION_MAX = 2n ** 64n - 1n;

/** The version that an object says it is of, 0 when it says none; or why it is none, in Go's words. */
export function sentVersion(text: string | undefined): bigint | string {
  if (!text) return 0n;
  const fault = (why: string) => `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
  if (!/^\d+$/.test(text)) return fault('invalid syntax');
  const version = BigInt(text);
  return version > VERSION_MAX ? fault('value out of range') : version;
}

/** Throws StatusError when the store can't write. */
export async function commit(core: Core, operation: StoreOperation): Promise<StoreResult> {
  try {
    return await core.store.commit(operation);
  } catch (error) {
    if (!(error instanceof Retryable)) throw error;
    core.runtime.log.error('a write failed', error, { key: operation.key });
    // Clients repeat what they are told to repeat: a deletion that happened would be answered with 404 then.
    const details = error instanceof UncertainWrite ? {} : { retryAfterSeconds: 1 };
    throw new StatusError(500, 'InternalError', `Internal error occurred: ${error.message}`, details, { cause: error });
  }
}

/** An entry that is told but not (or no longer) stored: of a dry run, or of an object's last state. */
export async function unstored(endpoint: Endpoint, key: string, revision: number, object: PlainObject): Promise<Entry> {
  const version = revision === 0 ? object.metadata?.resourceVersion : undefined;
  const entry = new Entry(key, revision, encodeStored(await endpoint.stored(object)), undefined, version);
  await endpoint.ready([entry]);
  return entry;
}

/** What is shown of a custom resource may be more than is stored, or less where another version's schema knows less: a write settles it. */
export async function isStoredSo(endpoint: Endpoint, object: PlainObject, { object: stored }: Entry): Promise<boolean> {
  if (!endpoint.codec.read || endpoint.asksToConvert) return true;
  return jsonEqual(await endpoint.stored(structuredClone(object)), stored);
}

/** Writes the object if the key still stands at the expected revision. undefined: someone else was faster. */
export async function put(
  core: Core,
  endpoint: Endpoint,
  key: string,
  object: PlainObject,
  expectedRevision: number,
): Promise<Entry | undefined> {
  endpoint.codec.toStorageForm?.(object);
  const stored = endpoint.stored(object);
  // Most need no waiting, and writes of one turn share a transaction.
  const value = encodeStored(stored instanceof Promise ? await stored : stored);
  if (value.length > STORED_BYTES_MAX) throw statusError.requestEntityTooLarge(`limit is ${STORED_BYTES_MAX}`);
  const ttlSeconds = endpoint.definition.ttlSeconds?.(object);
  const { clock } = core.runtime;
  const startMs = clock.monotonicMs();
  const result = await commit(core, {
    type: 'put',
    key: endpoint.storeKey(key),
    value,
    expectedRevision,
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  });
  core.metrics.stored(endpoint, expectedRevision === 0 ? 'create' : 'update', clock.monotonicMs() - startMs);
  if (!result.ok) return undefined;
  const newest = endpoint.cache.get(key);
  const entry = newest?.revision === result.revision ? newest : new Entry(key, result.revision, value);
  await endpoint.ready([entry]);
  return entry;
}

/** Deletes the key if it still stands at the expected revision. undefined: someone else was faster. */
export async function remove(core: Core, endpoint: Endpoint, entry: Entry): Promise<Entry | undefined> {
  const { clock } = core.runtime;
  const startMs = clock.monotonicMs();
  const result = await commit(core, { type: 'delete', key: endpoint.storeKey(entry.key), expectedRevision: entry.revision });
  core.metrics.stored(endpoint, 'delete', clock.monotonicMs() - startMs);
  if (!result.ok) return undefined;
  const gone = entry.at(result.revision);
  await endpoint.ready([gone]);
  return gone;
}

export function ruleContext(context: RequestContext, dryRun: boolean, subresource?: string): RuleContext {
  const { core, info, user } = context;
  return {
    runtime: core.runtime,
    reader: core.reader,
    user,
    dryRun,
    ...(info.namespace ? { namespace: info.namespace } : {}),
    ...(subresource ? { subresource } : {}),
    warn: (text) => void context.warnings.push(text),
  };
}
