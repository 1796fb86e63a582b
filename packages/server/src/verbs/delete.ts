// DELETE of one object and of a collection (apiserver endpoints/handlers/delete.go, registry/generic/registry/store.go).
import type { KubeObject } from '@tiphys/api';
import { type ApiResponse, isNotFound, jsonEqual, type Status, statusError } from '@tiphys/machinery';
import type { DeleteOptions, RuleContext } from '@tiphys/registry';
import type { Entry } from '../cache/entry.ts';
import { EntryBody, ListBody } from '../output/bodies.ts';
import type { Core, RequestContext } from '../request/context.ts';
import { deleteOptions } from '../request/delete-options.ts';
import { listOptions } from '../request/list-options.ts';
import type { Endpoint } from '../resources.ts';
import { admit, admitValid, attributesOf } from './admit.ts';
import { planDeletion } from './deletion.ts';
import { entryOf } from './get.ts';
import { list, listConverted } from './list.ts';
import { isStoredSo, OPTIMISTIC_LOCK, put, remove, ruleContext, unstored } from './write.ts';

/** Tries of one deletion against others who write the same object. */
export const DELETE_ATTEMPTS_MAX = 32;
/** Objects of a collection that are deleted side by side. */
export const DELETE_COLLECTION_PARALLEL_MAX = 64;

interface Deleted {
  /** The last state: before it went, or as it waits. */
  entry: Entry;
  gone: boolean;
}

interface Deleting {
  core: Core;
  endpoint: Endpoint;
  name: string;
  namespace: string;
  options: DeleteOptions;
  rules: RuleContext;
  /** Admission, with the object as it stands. */
  check(old: KubeObject): Promise<void>;
}

const isDryRun = (options: DeleteOptions): boolean => options.dryRun?.includes('All') ?? false;

async function deleteObject(deleting: Deleting): Promise<Deleted> {
  const { core, endpoint, name, namespace, options, rules } = deleting;
  const { definition } = endpoint;
  for (let attempt = 0; attempt < DELETE_ATTEMPTS_MAX; attempt++) {
    const entry = entryOf(endpoint, name, namespace);
    await endpoint.ready([entry]);
    const object = endpoint.object(entry);
    const refusal = definition.beforeDelete?.(object, rules);
    if (refusal) throw refusal;
    const plan = planDeletion({
      definition,
      object,
      options,
      nowMs: core.runtime.clock.now(),
      grace: (requested) => definition.graceSeconds?.(object, requested, rules),
    });
    if (plan.kind === 'pending') return { entry, gone: false };
    await deleting.check(object);
    if (plan.kind === 'mark') {
      // Said twice is no change: a write would wake everyone who watches, among them whoever waits for the finalizers and says it again.
      const isNothing = jsonEqual(plan.object.metadata, object.metadata) && (await isStoredSo(endpoint, plan.object, entry));
      if (isNothing) return { entry, gone: false };
      if (isDryRun(options)) return { entry: await unstored(endpoint, entry.key, entry.revision, plan.object), gone: false };
      const marked = await put(core, endpoint, entry.key, plan.object, entry.revision);
      if (marked) return { entry: marked, gone: false };
    } else {
      if (isDryRun(options)) {
        return { entry: plan.last ? await unstored(endpoint, entry.key, entry.revision, plan.last) : entry, gone: true };
      }
      const gone = await remove(core, endpoint, entry);
      if (gone) {
        await definition.afterDelete?.(endpoint.object(gone), rules, core.operations);
        if (!plan.last) return { entry: gone, gone: true };
        return { entry: await unstored(endpoint, gone.key, gone.revision, plan.last), gone: true };
      }
    }
  }
  throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
}

function deletedStatus(endpoint: Endpoint, entry: Entry): Status {
  const { name, uid } = endpoint.object(entry).metadata!;
  const { group, resource } = endpoint.type;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: name!, ...(group ? { group } : {}), kind: resource, uid: uid! },
  };
}

const returnsObject = (endpoint: Endpoint, { gone }: Deleted): boolean => !gone || endpoint.definition.deleteReturnsObject === true;

/** Where the default may surprise, who leaves it to the default is told. */
function advise(context: RequestContext, { definition }: Endpoint, options: DeleteOptions): void {
  const advice = definition.propagationAdvice;
  if (advice && options.propagationPolicy == null && options.orphanDependents == null) context.warnings.push(advice);
}

export async function deleteVerb(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { name, namespace } = context.info;
  const options = deleteOptions(context);
  advise(context, endpoint, options);
  const deleted = await deleteObject(deletingOf(context, endpoint, name, namespace, options));
  // Waiting is told by 202 only to those who asked for dependents to go as well, for old clients' sake.
  const status = !deleted.gone && options.orphanDependents === false ? 202 : 200;
  if (returnsObject(endpoint, deleted)) return { status, headers: {}, body: new EntryBody(endpoint, deleted.entry) };
  return { status, headers: {}, body: { kind: 'object', object: deletedStatus(endpoint, deleted.entry) as KubeObject } };
}

function deletingOf(context: RequestContext, endpoint: Endpoint, name: string, namespace: string, options: DeleteOptions): Deleting {
  const dryRun = isDryRun(options);
  return {
    core: context.core,
    endpoint,
    name,
    namespace,
    options,
    rules: ruleContext(context, dryRun),
    check: async (oldObject) => {
      const attributes = attributesOf(context, endpoint, { operation: 'DELETE', oldObject, options, dryRun, name, namespace });
      await admit(context, attributes);
      await admitValid(context, attributes);
    },
  };
}

/** A deletion that a rule asks for: the same, past admission. */
export async function deleteByRule(
  core: Core,
  endpoint: Endpoint,
  name: string,
  namespace: string,
  options: DeleteOptions,
): Promise<KubeObject | Status> {
  const rules: RuleContext = {
    runtime: core.runtime,
    reader: core.reader,
    user: { name: 'system:apiserver', groups: ['system:masters'] },
    dryRun: isDryRun(options),
    ...(namespace ? { namespace } : {}),
    warn: () => {},
  };
  const deleted = await deleteObject({ core, endpoint, name, namespace, options, rules, check: async () => {} });
  return returnsObject(endpoint, deleted) ? endpoint.object(deleted.entry) : deletedStatus(endpoint, deleted.entry);
}

export async function deleteCollection(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const options = deleteOptions(context);
  advise(context, endpoint, options);
  const asked = listOptions(context.info, endpoint);
  const chosen = endpoint.asksToConvert ? await listConverted(endpoint, asked) : list(endpoint, asked);
  const waiting = [...chosen.entries];
  const worker = async () => {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
      const slash = endpoint.type.namespaced ? entry.key.indexOf('/') : -1;
      const namespace = slash === -1 ? '' : entry.key.slice(0, slash);
      try {
        await deleteObject(deletingOf(context, endpoint, entry.key.slice(slash + 1), namespace, options));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(DELETE_COLLECTION_PARALLEL_MAX, waiting.length) }, worker));
  return { status: 200, headers: {}, body: new ListBody(endpoint, chosen.entries, chosen.metadata) };
}
