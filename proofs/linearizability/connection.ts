// Asks a server, in process or over HTTPS, and reads ConfigMaps out of its answers.
import type { WatchEvent } from '@tiphys/api';
import type { ApiHandler, HttpMethod } from '@tiphys/machinery';
import type { Selector, Told, Value, Version, Watched } from './history.ts';

export interface Answer {
  code: number;
  object: any;
}

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
export const PATCH_TYPES = { patch: MERGE, apply: APPLY } as const;

export function pathOf(key: string): string {
  const [namespace, name] = key.split('/');
  return `/api/v1/namespaces/${namespace}/configmaps${name ? `/${name}` : ''}`;
}

export function listPath({ namespace, on, name }: Selector, parameters: Record<string, string>): string {
  const query = new URLSearchParams(parameters);
  if (on) query.set('labelSelector', 'on=true');
  if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`);
  return `${namespace === '' ? '/api/v1/configmaps' : pathOf(namespace)}?${query}`;
}

export async function ask(handler: ApiHandler, method: HttpMethod, url: string, body?: object, type = 'application/json'): Promise<Answer> {
  const headers = { 'content-type': type, accept: 'application/json' };
  const { status, body: answered } = await handler.handle({ method, url, headers, ...(body ? { body } : {}) });
  if (answered.kind === 'object') return { code: status, object: answered.object };
  return { code: status, object: answered.kind === 'bytes' ? JSON.parse(Buffer.from(answered.bytes).toString()) : undefined };
}

export function versionOf(object: any): Version {
  const { metadata, data = {} } = object;
  const value: Value = { a: data.a ?? '', b: data.b ?? '', on: metadata.labels?.on === 'true' };
  return { key: `${metadata.namespace}/${metadata.name}`, revision: Number(metadata.resourceVersion), uid: metadata.uid, value };
}

export function objectOf(key: string, { a, b, on }: Partial<Value>, expected?: number): object {
  const [namespace, name] = key.split('/');
  const data = { ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) };
  const labels = on === undefined ? {} : { labels: { on: String(on) } };
  const resourceVersion = expected === undefined ? {} : { resourceVersion: String(expected) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...labels, ...resourceVersion }, data };
}

export interface Watching {
  watched: Watched;
  /** Resolves when the server ends it. */
  ended: Promise<void>;
  /** Called with each batch. */
  onTold(listener: () => void): void;
  stop(): void;
}

function note(watched: Watched, { type, object }: WatchEvent): void {
  if (type === 'ERROR') {
    watched.error = (object as { code?: number }).code ?? 0;
    return;
  }
  if (type !== 'BOOKMARK') {
    const event: Told = { ...versionOf(object), type };
    const isInitial = watched.from === undefined && watched.initialEnd === undefined;
    if (isInitial && type !== 'ADDED') watched.problems.push(`${type} among the initial objects`);
    if (isInitial) watched.initial.push(event);
    else watched.told.push(event);
    return;
  }
  const revision = Number(object.metadata!.resourceVersion);
  const isEnd = object.metadata!.annotations?.['k8s.io/initial-events-end'] === 'true';
  if (!isEnd) watched.bookmarks.push({ revision, after: watched.told.length });
  else if (watched.from !== undefined || watched.initialEnd !== undefined) watched.problems.push('a second end of the initial objects');
  else watched.initialEnd = revision;
}

/** Follows a selection: from a revision, or with the objects that are there. */
export async function follow(handler: ApiHandler, selector: Selector, from: number | undefined, timeoutSeconds: number): Promise<Watching> {
  const begin: Record<string, string> =
    from === undefined ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' } : { resourceVersion: String(from) };
  const url = listPath(selector, { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds), ...begin });
  const watched: Watched = { selector, ...(from === undefined ? {} : { from }), initial: [], told: [], bookmarks: [], problems: [] };
  const { status, body } = await handler.handle({ method: 'GET', url, headers: { accept: 'application/json' } });
  const listeners: (() => void)[] = [];
  if (body.kind !== 'watch') {
    watched.error = status;
    return { watched, ended: Promise.resolve(), onTold() {}, stop() {} };
  }
  let stop = () => {};
  const ended = new Promise<void>((resolve) => {
    const unsubscribe = body.watch.subscribe((events) => {
      for (const event of events) note(watched, event);
      for (const listener of listeners) listener();
    }, resolve);
    stop = () => {
      unsubscribe();
      resolve();
    };
  });
  return { watched, ended, stop, onTold: (listener) => void listeners.push(listener) };
}

/** The newest revision that a watch has told of completely. */
export function reached({ from, initialEnd, told, bookmarks }: Watched): number | undefined {
  const ends = [from ?? initialEnd ?? 0, told.at(-1)?.revision ?? 0, bookmarks.at(-1)?.revision ?? 0];
  return from === undefined && initialEnd === undefined ? undefined : Math.max(...ends);
}
