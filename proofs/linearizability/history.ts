// What clients asked, what they were answered, and what watchers were told, in the order in which it happened.
// Every written value is its writer's alone, so that a read says which write it saw.

/** Of a ConfigMap: two entries, so that a patch of one must keep the other, and a label for selectors. */
export interface Value {
  a: string;
  b: string;
  on: boolean;
}

export interface Version {
  key: string;
  revision: number;
  uid: string;
  value: Value;
}

export interface Selector {
  /** '' is all. */
  namespace: string;
  /** Only objects with the label. */
  on?: true;
  name?: string;
}

/**
 * The code of what nobody answered, or only with words that say that the outcome is not known: a write may have happened, or happen later.
 * Servers that nothing befalls give no such answers.
 */
export const UNANSWERED = 599;

/** When it was asked and answered, on one counter for everything. */
interface Times {
  invoked: number;
  answered: number;
  /** Of the answer. */
  code: number;
  reason?: string;
  /** The newest revision that was forgotten when it was answered. */
  compacted: number;
}

export interface WriteOperation extends Times {
  kind: 'create' | 'update' | 'patch' | 'apply' | 'delete';
  key: string;
  set: Partial<Value>;
  /** resourceVersion that the write demands. */
  expected?: number;
  /** What the answer shows; of a delete the uid alone. */
  seen?: Version;
  uid?: string;
}

/** newest: resourceVersion unset. any: 0. notOlder: a revision. exact: with resourceVersionMatch=Exact. */
export type Rule = 'newest' | 'any' | 'notOlder' | 'exact';

export interface GetOperation extends Times {
  kind: 'get';
  key: string;
  rule: Rule;
  asked: number;
  seen?: Version;
}

export interface ListOperation extends Times {
  kind: 'list';
  selector: Selector;
  rule: Rule;
  asked: number;
  /** Of each page. */
  revisions: number[];
  items: Version[];
}

export type Operation = WriteOperation | GetOperation | ListOperation;

export interface Told extends Version {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
}

/** One watch from its request to its end. */
export interface Watched {
  selector: Selector;
  /** Undefined: with the objects that are there. */
  from?: number;
  /** Where the initial objects ended, by their bookmark. */
  initialEnd?: number;
  /** The initial objects were complete. */
  initial: Version[];
  told: Told[];
  /** Bookmarks: the revision, and how many events came before. */
  bookmarks: { revision: number; after: number }[];
  /** An ERROR event's code, and what was forgotten then. */
  error?: number;
  compacted?: number;
  problems: string[];
}

export interface History {
  operations: Operation[];
  /** The first follows everything from the beginning to the end. */
  watches: Watched[];
  /** The revision before the first operation. */
  start: number;
}

export const selects = ({ namespace, on, name }: Selector, key: string, value: Value): boolean =>
  (namespace === '' || key.startsWith(`${namespace}/`)) && (!on || value.on) && (name === undefined || key.endsWith(`/${name}`));
