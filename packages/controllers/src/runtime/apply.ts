// Carries out a plan: in order, stopping at the first failure. Makes no choices.
import type { KubeObject, ResourceType } from '@tiphys/api';
import { apiVersionOf } from '@tiphys/api';
import type { Client, EventRecorder } from '@tiphys/client';
import type { Action, EventText, Group, Outcome, Write } from './actions.ts';
import { keyOf, nameOf, namespaceOf } from './objects.ts';

/** Side-by-side writes of one group. */
export const GROUP_PARALLEL_MAX = 500;

export interface ApplyContext {
  client: Client;
  events: EventRecorder;
  /** The controller's object, for events. */
  about: KubeObject;
  /** Told of each write that changed something, so that the next plan waits until the cache shows it. */
  wrote(type: ResourceType, result: KubeObject): void;
  deleted(type: ResourceType, object: KubeObject): void;
  wake(atMs: number): void;
  note(key: string, value: unknown): void;
  tally(counter: string, labels: readonly string[], by: number): void;
}

interface Progress extends Outcome {
  failure?: Error;
  failed?: Write['do'];
  results: KubeObject[];
}

/** Fills in what caches leave out of list items, so that references to the object are whole. */
export function typed<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  return object.kind && object.apiVersion ? object : { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

/** Resolves to the first failure. */
export async function apply(actions: readonly Action[], context: ApplyContext): Promise<Error | undefined> {
  const newest = new Map<string, string>();
  const progress: Progress = { results: [] };
  await run(actions, context, newest, progress);
  return progress.failure;
}

async function run(actions: readonly Action[], context: ApplyContext, newest: Map<string, string>, progress: Progress): Promise<void> {
  for (const action of actions) {
    if (action.do === 'after') {
      const outcome: Outcome = { ...progress, results: [...progress.results] };
      const next: Progress = { results: progress.results };
      await run(action.then(outcome), context, newest, next);
      if (!progress.failure && next.failure) Object.assign(progress, { failure: next.failure, failed: next.failed });
    } else if (action.do === 'wake') context.wake(action.atMs);
    else if (progress.failure) continue;
    else if (action.do === 'note') context.note(action.key, action.value);
    else if (action.do === 'tally') context.tally(action.counter, action.labels, action.by);
    else if (action.do === 'event') context.events.event(action.about ?? context.about, action.type, action.reason, action.message);
    else if (action.do === 'group') await group(action, context, newest, progress);
    else await attempt(action, context, newest, progress);
  }
}

async function group({ mode, writes }: Group, context: ApplyContext, newest: Map<string, string>, progress: Progress): Promise<void> {
  let size = mode === 'slowStart' ? 1 : GROUP_PARALLEL_MAX;
  for (let start = 0; start < writes.length && !progress.failure; ) {
    const batch = writes.slice(start, start + size);
    await Promise.all(batch.map((write) => attempt(write, context, newest, progress)));
    start += batch.length;
    size = Math.min(size * 2, GROUP_PARALLEL_MAX);
  }
}

async function attempt(write: Write, context: ApplyContext, newest: Map<string, string>, progress: Progress): Promise<void> {
  try {
    const result = await send(write, context.client, newest);
    if (write.do === 'delete') context.deleted(write.type, write.object);
    else {
      context.wrote(write.type, result);
      newest.set(newestKey(write), result.metadata?.resourceVersion ?? '');
    }
    progress.results.push(result);
    if (write.whenDone) record(write, context, write.whenDone(typed(write.type, result)));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (write.tolerate?.(error)) {
      if (write.whenTolerated) record(write, context, write.whenTolerated());
      return;
    }
    if (!progress.failure) {
      progress.failure = error;
      progress.failed = write.do;
    }
    for (const text of [write.whenFailed?.(error) ?? []].flat()) record(write, context, text);
  }
}

function record(write: Write, context: ApplyContext, text: EventText): void {
  context.events.event(write.about ?? context.about, text.type, text.reason, text.message);
}

const newestKey = (write: Write) => `${write.type.group}/${write.type.resource}/${keyOf(write.object)}`;

/** The object with the resourceVersion of this plan's own earlier write to it, if there was one. */
function current(write: Write, newest: Map<string, string>): KubeObject {
  const resourceVersion = newest.get(newestKey(write));
  return resourceVersion ? { ...write.object, metadata: { ...write.object.metadata, resourceVersion } } : write.object;
}

async function send(write: Write, client: Client, newest: Map<string, string>): Promise<KubeObject> {
  const resource = client.of(write.type);
  switch (write.do) {
    case 'create':
      return resource.create(write.object);
    case 'update':
      return resource.update(current(write, newest));
    case 'updateStatus':
      return resource.updateStatus(current(write, newest));
    case 'patch': {
      const { subresource, fieldManager } = write;
      const options = { ...(subresource ? { subresource } : {}), ...(fieldManager ? { fieldManager, force: true } : {}) };
      return resource.patch(nameOf(write.object), namespaceOf(write.object), write.patchType, write.body, options);
    }
    case 'delete':
      await resource.delete(nameOf(write.object), namespaceOf(write.object), write.options ?? {});
      return write.object;
  }
}
