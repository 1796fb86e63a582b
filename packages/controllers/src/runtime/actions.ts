// What a plan may ask for. Every action says why. The runtime carries them out in order and makes no choices.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { DeleteOptions, EventType, PatchType } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import { nameOf, namespaceOf } from './objects.ts';

export interface EventText {
  type: EventType;
  reason: string;
  message: string;
}

interface Common {
  because: string;
  /** Errors that count as success. NotFound always does for a delete. */
  tolerate?: (error: unknown) => boolean;
  /** Recorded about the controller's object, or about `about`. */
  whenDone?: (result: KubeObject) => EventText;
  /** In its place after an error that counts as success. */
  whenTolerated?: () => EventText;
  whenFailed?: (error: Error) => EventText | readonly EventText[] | undefined;
  about?: KubeObject;
}

export type Action = Write | Group | Event | Wake | Note | Tally | After;

export type Write = Common &
  (
    | { do: 'create'; type: ResourceType; object: KubeObject }
    /** resourceVersion comes from the object; a later write of the same plan to the same object takes over the newer one. */
    | { do: 'update'; type: ResourceType; object: KubeObject }
    | { do: 'updateStatus'; type: ResourceType; object: KubeObject }
    | ({ do: 'patch'; type: ResourceType; object: KubeObject; patchType: PatchType; body: unknown } & PatchExtras)
    | { do: 'delete'; type: ResourceType; object: KubeObject; options?: DeleteOptions }
  );

export interface PatchExtras {
  subresource?: string;
  /** For patches of type `apply`: conflicts are won. */
  fieldManager?: string;
}

/** Writes that don't depend on one another. */
export interface Group {
  do: 'group';
  /** slowStart: batches of 1, 2, 4 …, the rest left out after a batch with a failure. atOnce: all side by side. */
  mode: 'slowStart' | 'atOnce';
  writes: readonly Write[];
}

export interface Event extends EventText {
  do: 'event';
  about?: KubeObject;
}

export interface Wake {
  do: 'wake';
  atMs: number;
  because: string;
}

/** Something to remember until the program ends, for later plans of the same controller. The oldest go when there are too many. */
export interface Note {
  do: 'note';
  key: string;
  /** undefined forgets. */
  value: unknown;
}

/** Adds to one of the controller's counters, when everything before it in its list succeeded. */
export interface Tally {
  do: 'tally';
  /** Its name among the controller's counters. */
  counter: string;
  labels: readonly string[];
  by: number;
}

/** How the actions before went. */
export interface Outcome {
  /** The first error. The key is planned again after a delay. */
  failure?: Error;
  /** The kind of action that failed. */
  failed?: Write['do'];
  /** What the writes answered, those that succeeded, in order; a delete answers the object it deleted. */
  results: readonly KubeObject[];
}

/** Further actions that depend on how those before went. Runs also when one of them failed. */
export interface After {
  do: 'after';
  then: (outcome: Outcome) => readonly Action[];
}

type Extras = Omit<Common, 'because'>;

export const create = <T extends KubeObject>(type: ResourceType<T>, object: T, because: string, extras: Extras = {}): Write => ({
  do: 'create',
  type,
  object,
  because,
  ...extras,
});

export const update = <T extends KubeObject>(type: ResourceType<T>, object: T, because: string, extras: Extras = {}): Write => ({
  do: 'update',
  type,
  object,
  because,
  ...extras,
});

export const updateStatus = <T extends KubeObject>(type: ResourceType<T>, object: T, because: string, extras: Extras = {}): Write => ({
  do: 'updateStatus',
  type,
  object,
  because,
  ...extras,
});

export const patch = (
  type: ResourceType,
  object: KubeObject,
  patchType: PatchType,
  body: unknown,
  because: string,
  extras: Extras & PatchExtras = {},
): Write => ({ do: 'patch', type, object, patchType, body, because, ...extras });

export const remove = (
  type: ResourceType,
  object: KubeObject,
  because: string,
  extras: Extras & { options?: DeleteOptions } = {},
): Write => ({
  do: 'delete',
  type,
  object,
  because,
  ...extras,
  tolerate: (error) => isNotFound(error) || (extras.tolerate?.(error) ?? false),
});

export const slowStart = (writes: readonly Write[]): Group => ({ do: 'group', mode: 'slowStart', writes });
export const atOnce = (writes: readonly Write[]): Group => ({ do: 'group', mode: 'atOnce', writes });

export const normal = (reason: string, message: string, about?: KubeObject): Event => ({
  do: 'event',
  type: 'Normal',
  reason,
  message,
  ...(about ? { about } : {}),
});

export const warning = (reason: string, message: string, about?: KubeObject): Event => ({
  do: 'event',
  type: 'Warning',
  reason,
  message,
  ...(about ? { about } : {}),
});

export const wakeAt = (atMs: number, because: string): Wake => ({ do: 'wake', atMs, because });
export const note = (key: string, value: unknown): Note => ({ do: 'note', key, value });
export const tally = (counter: string, labels: readonly string[], by = 1): Tally => ({ do: 'tally', counter, labels, by });
export const after = (then: After['then']): After => ({ do: 'after', then });

const plural = (write: Write) => `${write.type.resource}${'subresource' in write && write.subresource ? `/${write.subresource}` : ''}`;
const subject = (object: KubeObject) => {
  const name = nameOf(object) || `${object.metadata?.generateName ?? ''}*`;
  return namespaceOf(object) ? `${namespaceOf(object)}/${name}` : name;
};

/** One line per action, for tests and debug logs. */
export function actionLines(actions: readonly Action[], outcome: Outcome = { results: [] }): string[] {
  return actions.flatMap((action): string[] => {
    if (action.do === 'group') {
      const lines = actionLines(action.writes, outcome);
      const alike = new Map<string, number>();
      for (const line of lines) alike.set(line, (alike.get(line) ?? 0) + 1);
      return [...alike].map(([line, count]) => (count === 1 ? line : `${count} × ${line}`));
    }
    if (action.do === 'event') return [`event ${action.type} ${action.reason}: ${action.message}`];
    if (action.do === 'wake') return [`wake at ${new Date(action.atMs).toISOString().slice(11, 19)}: ${action.because}`];
    if (action.do === 'note' || action.do === 'tally') return [];
    if (action.do === 'after') return actionLines(action.then(outcome), outcome);
    return [`${action.do} ${plural(action)} ${subject(action.object)}: ${action.because}`];
  });
}
