// Runs the admission plugins over one write, in their order.
import { applyDefaults, type KubeObject, normalize, type ResourceType, schemaTable, typeNameOfKind } from '@tiphys/api';
import { type MergeType, mergeTypeOf } from '@tiphys/machinery';
import type { PlainObject } from '../cache/entry.ts';
import type { AdmissionAttributes, EquivalentResource } from '../interfaces.ts';
import type { Core, RequestContext } from '../request/context.ts';
import type { Endpoint } from '../resources.ts';

export interface AdmissionSubject {
  operation: AdmissionAttributes['operation'];
  object?: KubeObject;
  oldObject?: KubeObject;
  options?: object;
  dryRun: boolean;
  name: string;
  namespace?: string;
}

/** CreateOptions or UpdateOptions, which come in the query. */
function queryOptions(query: URLSearchParams): object {
  if (query.size === 0) return {};
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const text = (name: string) => (query.get(name) ? { [name]: query.get(name) } : {});
  return { ...(dryRun.length > 0 ? { dryRun } : {}), ...text('fieldManager'), ...text('fieldValidation') };
}

function equivalent(own: Endpoint, other: Endpoint): EquivalentResource {
  return {
    type: other.type,
    convert: (object) => other.convertedFrom(own, object as PlainObject),
    restore: (object) => own.convertedFrom(other, object as PlainObject),
    mergeType: () => other.codec.tracked.type,
  };
}

/** Kinds of subresources are built in and known by their name. */
function completed(endpoint: Endpoint, object: KubeObject): KubeObject {
  const { codec, apiVersion, type } = endpoint;
  if (object.apiVersion === apiVersion && object.kind === type.kind) {
    return codec.applyDefaults(codec.normalize(object, { strict: false }).object);
  }
  const [version = '', group = ''] = (object.apiVersion ?? '').split('/').reverse();
  const schema = typeNameOfKind(group, version, object.kind ?? '');
  return schema ? (applyDefaults(normalize(object, { schema }).object, schema) as KubeObject) : object;
}

/** Kinds of subresources, such as Scale, are built in. */
function mergeTypeFor({ codec, apiVersion, type }: Endpoint, object: KubeObject | undefined): MergeType {
  if (!object || (object.apiVersion === apiVersion && object.kind === type.kind)) return codec.tracked.type;
  const [version = '', group = ''] = (object.apiVersion ?? '').split('/').reverse();
  const schema = typeNameOfKind(group, version, object.kind ?? '');
  return schema ? mergeTypeOf(schemaTable, schema) : codec.tracked.type;
}

function resourceOfKind({ core }: RequestContext, apiVersion: string, kind: string): ResourceType | undefined {
  for (const endpoint of core.resources.all()) if (endpoint.apiVersion === apiVersion && endpoint.type.kind === kind) return endpoint.type;
  return undefined;
}

export function attributesOf(context: RequestContext, endpoint: Endpoint, subject: AdmissionSubject): AdmissionAttributes {
  const { core, info, user, audit } = context;
  // Each write has them made: what may be absent is put in place rather than spread.
  const attributes: AdmissionAttributes = {
    operation: subject.operation,
    type: endpoint.type,
    subresource: info.subresource,
    namespace: subject.namespace ?? info.namespace,
    name: subject.name,
    user,
    dryRun: subject.dryRun,
    reader: core.reader,
    warn: (text) => void context.warnings.push(text),
    whenDone: (act) => context.whenDone(act),
    equivalents: () => core.resources.equivalents(endpoint).map((other) => equivalent(endpoint, other)),
    complete: (changed) => completed(endpoint, changed),
    mergeType: () => mergeTypeFor(endpoint, subject.object),
    resourceOfKind: (apiVersion, kind) => resourceOfKind(context, apiVersion, kind),
  };
  if (subject.object) attributes.object = subject.object;
  if (subject.oldObject) attributes.oldObject = subject.oldObject;
  if (subject.options) attributes.options = subject.options;
  else if (subject.operation !== 'CONNECT') attributes.options = queryOptions(info.query);
  if (audit) attributes.annotate = (key, value, least) => audit.annotate(key, value, least);
  return attributes;
}

/** Mutating admission. The object may change. */
export const admit = (context: RequestContext, attributes: AdmissionAttributes): Promise<void> => step(context, attributes, 'admit');

export const admitValid = (context: RequestContext, attributes: AdmissionAttributes): Promise<void> =>
  step(context, attributes, 'validate');

async function step({ core }: RequestContext, attributes: AdmissionAttributes, type: 'admit' | 'validate'): Promise<void> {
  const { clock } = core.runtime;
  const startMs = clock.monotonicMs();
  let rejected = true;
  try {
    for (const plugin of core.admission[type]) {
      const pending = plugin[type]!(attributes);
      if (pending) await timed(core, plugin.name, attributes, type, pending);
    }
    rejected = false;
  } finally {
    core.metrics.admissionStep(type, attributes.operation, rejected, clock.monotonicMs() - startMs);
  }
}

async function timed(
  { runtime: { clock }, metrics }: Core,
  name: string,
  { operation }: AdmissionAttributes,
  type: 'admit' | 'validate',
  pending: Promise<void>,
): Promise<void> {
  const startMs = clock.monotonicMs();
  let rejected = true;
  try {
    await pending;
    rejected = false;
  } finally {
    metrics.admissionPlugin(name, type, operation, rejected, clock.monotonicMs() - startMs);
  }
}
