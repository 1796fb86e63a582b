// POST to a subresource that a definition answers itself, such as pods/binding and pods/eviction, and to resources that
// are never stored, such as reviews.
import { apiVersionOf, type KubeObject, typeNameOfKind } from '@tiphys/api';
import { type ApiResponse, type Status, statusError } from '@tiphys/machinery';
import type { PlainObject } from '../cache/entry.ts';
import { builtInCodec, type ObjectCodec } from '../codec.ts';
import { checkMediaType, decodeBody, matchNamespace } from '../request/body.ts';
import type { RequestContext } from '../request/context.ts';
import { writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { admit, admitValid, attributesOf } from './admit.ts';
import { track } from './prepare.ts';
import { ruleContext } from './write.ts';

const codecs = new Map<string, ObjectCodec>();

function codecOf(kind: { group: string; version: string; kind: string }): ObjectCodec {
  const key = `${apiVersionOf(kind)}/${kind.kind}`;
  let codec = codecs.get(key);
  if (!codec) {
    const schema = typeNameOfKind(kind.group, kind.version, kind.kind);
    if (!schema) throw statusError.internal(`no schema for ${key}`);
    codec = builtInCodec({ schema } as Parameters<typeof builtInCodec>[0]);
    codecs.set(key, codec);
  }
  return codec;
}

export async function createSubresource(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { name, namespace, subresource } = context.info;
  const definition = endpoint.definition.subresources!.find((one) => one.name === subresource)!;
  const kind = {
    group: definition.group ?? endpoint.type.group,
    version: definition.version ?? endpoint.type.version,
    kind: definition.kind,
  };
  checkMediaType(context, codecOf(kind));
  const options = writeOptions(context, 'CreateOptions');
  const body = decodeBody(context, kind, codecOf(kind), options.fieldValidation);
  matchNamespace(body, namespace, endpoint.type.namespaced);
  const attributes = attributesOf(context, endpoint, { operation: 'CREATE', object: body, dryRun: options.dryRun, name });
  await admit(context, attributes);
  await admitValid(context, attributes);
  const target = { name, ...(namespace ? { namespace } : {}) };
  const rules = ruleContext(context, options.dryRun, subresource);
  const answer = await definition.create!(attributes.object!, target, rules, context.core.operations);
  return created(answer);
}

const SYSTEM_FIELDS = ['creationTimestamp', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'];

/** CREATE of a kind that is answered rather than stored. */
export async function createReview(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  checkMediaType(context, endpoint.codec);
  const options = writeOptions(context, 'CreateOptions');
  const object = decodeBody(context, endpoint.type, endpoint.codec, options.fieldValidation);
  matchNamespace(object, context.info.namespace, endpoint.type.namespaced);
  for (const field of SYSTEM_FIELDS) delete (object.metadata as Record<string, unknown> | undefined)?.[field];
  const rules = ruleContext(context, options.dryRun);
  const { definition } = endpoint;
  definition.prepareForCreate?.(object, rules);
  const errors = definition.validateCreate?.(object, rules) ?? [];
  if (errors.length > 0) throw statusError.invalid(endpoint.type, object.metadata?.name ?? '', errors);
  track(context, endpoint, undefined, object, options);
  const attributes = attributesOf(context, endpoint, {
    operation: 'CREATE',
    object,
    dryRun: options.dryRun,
    name: object.metadata?.name ?? '',
  });
  await admit(context, attributes);
  await admitValid(context, attributes);
  return created((await definition.review!(attributes.object as PlainObject, rules, context.core.operations)) as KubeObject);
}

function created(object: KubeObject | Status): ApiResponse {
  return { status: 201, headers: {}, body: { kind: 'object', object: object as KubeObject } };
}
