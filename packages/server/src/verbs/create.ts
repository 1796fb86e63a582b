// CREATE (apiserver endpoints/handlers/create.go, registry/generic/registry/store.go create, registry/rest/create.go).

import { type ObjectMeta, timeText } from '@tiphys/api';
import { type ApiResponse, isAlreadyExists, jsonClone, StatusError, statusError } from '@tiphys/machinery';
import { type Claim, validateCommonMetadata, validateMetadata } from '@tiphys/registry';
import { append } from '@tiphys/std';
import type { Entry, PlainObject } from '../cache/entry.ts';
import { nowFresh } from '../freshness.ts';
import { EntryBody } from '../output/bodies.ts';
import { checkMediaType, decodeBody, matchNamespace } from '../request/body.ts';
import type { Core, RequestContext } from '../request/context.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { admit, admitValid, attributesOf } from './admit.ts';
import { dedupOwnerReferences, track } from './prepare.ts';
import { createReview } from './subresource.ts';
import { put, ruleContext, sentVersion, unstored } from './write.ts';

/** Names tried for one generateName (registry/generic/registry/store.go). */
export const GENERATED_NAME_ATTEMPTS_MAX = 8;
const GENERATED_SUFFIX_LENGTH = 5;
/** generateName is cut so that a generated name fits a DNS label. */
const GENERATED_PREFIX_LENGTH_MAX = 63 - GENERATED_SUFFIX_LENGTH;

export async function create(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { definition, type } = endpoint;
  if (definition.review) return createReview(context, endpoint);
  if (!definition.verbs.includes('get')) throw statusError.notImplemented(`nothing answers ${type.resource} on this server`);
  checkMediaType(context, endpoint.codec);
  const options = writeOptions(context, 'CreateOptions');
  const object = decodeBody(context, endpoint.type, endpoint.codec, options.fieldValidation);
  const entry = await createObject(context, endpoint, object, options, { asked: true });
  return { status: 201, headers: {}, body: new EntryBody(endpoint, entry) };
}

export interface Creation {
  /** The managed fields have been recorded already. */
  tracked?: boolean;
  /** A create was asked for, not an update of what is not there. */
  asked?: boolean;
}

/** Everything between the decoded object and the stored one. The object is changed. */
export async function createObject(
  context: RequestContext,
  endpoint: Endpoint,
  object: PlainObject,
  options: WriteOptions,
  creation: Creation,
): Promise<Entry> {
  const metadata: ObjectMeta & { selfLink?: string } = object.metadata!;
  for (const field of ['creationTimestamp', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'] as const) {
    if (metadata[field] !== undefined) delete metadata[field];
  }
  matchNamespace(object, context.info.namespace, endpoint.type.namespaced);
  dedupOwnerReferences(context, object);
  if (!creation.tracked) track(context, endpoint, undefined, object, options);
  const namespace = endpoint.type.namespaced ? context.info.namespace : endpoint.type.resource === 'namespaces' ? metadata.name : undefined;
  const attributes = attributesOf(context, endpoint, {
    operation: 'CREATE',
    object,
    dryRun: options.dryRun,
    name: metadata.name ?? '',
    ...(namespace ? { namespace } : {}),
  });
  await admit(context, attributes);
  const admitted = attributes.object as PlainObject;
  if (admitted.metadata!.name || !admitted.metadata!.generateName)
    return createOnce(context, endpoint, admitted, options, attributes, creation);
  for (let attempt = 1; ; attempt++) {
    try {
      return await createOnce(context, endpoint, copyOf(admitted), options, attributes, creation);
    } catch (error) {
      if (!isAlreadyExists(error) || attempt >= GENERATED_NAME_ATTEMPTS_MAX) throw error;
    }
  }
}

/** Who manages what is never changed: it stays the same, and is known again by the next write. */
function copyOf(object: PlainObject): PlainObject {
  const { managedFields, ...metadata } = object.metadata!;
  const copy = jsonClone<PlainObject>({ ...object, metadata });
  if (managedFields) copy.metadata!.managedFields = managedFields;
  return copy;
}

async function createOnce(
  context: RequestContext,
  endpoint: Endpoint,
  object: PlainObject,
  options: WriteOptions,
  attributes: ReturnType<typeof attributesOf>,
  creation: Creation,
): Promise<Entry> {
  const { core } = context;
  const { definition } = endpoint;
  const metadata = object.metadata!;
  const generates = !metadata.name && metadata.generateName;
  metadata.creationTimestamp = timeText(core.runtime.clock.now());
  metadata.uid = core.runtime.random.uuid();
  if (generates) metadata.name = definition.takesPrefixAsName ? metadata.generateName! : drawnName(metadata.generateName!, core);
  const rules = ruleContext(context, options.dryRun);
  // What a write of the status makes, where upstream lets it make anything, claims nothing.
  const begin = context.info.subresource === '' ? definition.beginCreate : undefined;
  const claim: Claim = (await begin?.(object, rules, core.operations)) ?? {};
  let settled = false;
  try {
    if (definition.generation ?? definition.status) metadata.generation = 1;
    definition.dropDisabled?.(object);
    if (definition.prepareForCreate) definition.prepareForCreate(object, rules);
    else if (definition.status) clearStatus(endpoint, object);
    const advised = context.warnings.length;
    const errors = validateMetadata(definition, object);
    append(errors, definition.validateCreate?.(object, rules) ?? []);
    if (errors.length === 0) append(errors, validateCommonMetadata(definition, object));
    if (errors.length > 0) {
      // Advice is for what is taken.
      context.warnings.length = advised;
      throw statusError.invalid(endpoint.invalidKind(object), metadata.name ?? '', errors);
    }
    await admitValid(context, { ...attributes, object, name: metadata.name! });
    if (creation.asked && !options.dryRun) refuseVersion(metadata.resourceVersion);
    const key = endpoint.keyOf(metadata.name!, metadata.namespace);
    const entry = await store(context, endpoint, key, object, options, Boolean(generates));
    settled = true;
    await (options.dryRun ? claim.revert : claim.commit)?.();
    return entry;
  } finally {
    if (!settled) await claim.revert?.();
  }
}

/** Joined, as uids are. */
const drawnName = (prefix: string, { runtime }: Core): string =>
  [prefix.slice(0, GENERATED_PREFIX_LENGTH_MAX), runtime.random.suffix(GENERATED_SUFFIX_LENGTH)].join('');

/** The store takes no new object that says it is of a version (storage/etcd3/store.go Create); what is no version it doesn't see. */
function refuseVersion(text: string | undefined): void {
  const version = sentVersion(text);
  if (typeof version === 'bigint' && version > 0n) {
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  }
}

/** Where a kind's form holds its status by value, it is there though empty. */
function clearStatus(endpoint: Endpoint, object: PlainObject): void {
  const { status } = endpoint.codec.tracked.empty as PlainObject;
  if (status) object.status = structuredClone(status);
  else delete object.status;
}

async function store(
  context: RequestContext,
  endpoint: Endpoint,
  key: string,
  object: PlainObject,
  options: WriteOptions,
  generated: boolean,
): Promise<Entry> {
  // Another server may have deleted it, which a create has not waited to hear.
  if (endpoint.cache.get(key)) await nowFresh(context);
  if (!endpoint.cache.get(key)) {
    if (options.dryRun) {
      endpoint.codec.toStorageForm?.(object);
      return unstored(endpoint, key, 0, object);
    }
    const entry = await put(context.core, endpoint, key, object, 0);
    if (entry) return entry;
  }
  throw exists(endpoint, object.metadata!.name!, generated, Boolean(endpoint.cache.get(key)?.object.metadata?.deletionTimestamp));
}

function exists(endpoint: Endpoint, name: string, generated: boolean, deleting: boolean): StatusError {
  const plain = statusError.alreadyExists(endpoint.type, name);
  const error = generated
    ? new StatusError(
        409,
        'AlreadyExists',
        `${plain.message.replace(/ already exists$/, '')} already exists, the server was not able to generate a unique name for the object`,
        { ...plain.details, retryAfterSeconds: 1 },
      )
    : plain;
  return deleting ? new StatusError(error.code, error.reason, `object is being deleted: ${error.message}`, error.details) : error;
}
