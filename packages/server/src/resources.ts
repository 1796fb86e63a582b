// The resources that are served right now: each definition with the watch cache of its stored form.
import { apiVersionOf, type KubeObject, type WatchEvent } from '@tiphys/api';
import type { ResourceDefinition } from '@tiphys/registry';
import { type Logger, silentLogger } from '@tiphys/runtime';
import { invariant } from '@tiphys/std';
import type { Store } from '@tiphys/storage';
import type { Entry, EntryEvent, PlainObject } from './cache/entry.ts';
import { storedForm } from './cache/stored-form.ts';
import { WatchCache } from './cache/watch-cache.ts';
import { builtInCodec, type ObjectCodec } from './codec.ts';
import type { DelegatedVersion } from './discovery/delegated.ts';

type Definition = ResourceDefinition<any>;

const REGISTRY = '/registry/';

/** A served resource: the same stored objects may be served by several, one per version. */
export class Endpoint {
  readonly definition: Definition;
  readonly cache: WatchCache;
  readonly apiVersion: string;
  /** The stored bytes are this version's, so that they can be sent as they are. */
  readonly sendsStored: boolean;
  readonly codec: ObjectCodec;
  /** Kind and version of the stored form when another version of the same shape is stored. */
  readonly #storedAs: { kind: string; apiVersion: string } | undefined;
  readonly #views = new WeakMap<Entry, PlainObject>();
  /** Conversions under way. */
  readonly #converting = new WeakMap<Entry, Promise<void>>();

  constructor(definition: Definition, cache: WatchCache, codec: ObjectCodec, primary?: Endpoint) {
    this.codec = codec;
    this.definition = definition;
    this.cache = cache;
    this.apiVersion = apiVersionOf(definition.type);
    this.sendsStored = !definition.conversion && !primary;
    this.#storedAs = primary && { kind: primary.type.kind, apiVersion: primary.apiVersion };
  }

  get type() {
    return this.definition.type;
  }

  /** The kind that is called invalid: the stored one, or what the object itself says. */
  invalidKind(object: PlainObject): { group: string; kind: string } {
    if (this.codec.selfNamed) return { group: this.type.group, kind: object.kind ?? '' };
    return this.definition.conversion?.stored ?? this.type;
  }

  keyOf(name: string, namespace: string | undefined): string {
    return this.type.namespaced ? `${namespace ?? ''}/${name}` : name;
  }

  storeKey(key: string): string {
    return this.cache.prefix + key;
  }

  /** The stored bytes of every object are what is sent. */
  get sendsAllStored(): boolean {
    return this.sendsStored && !this.codec.read;
  }

  /** Whether the stored bytes of this object are what is sent. */
  sendsStoredOf(entry: Entry): boolean {
    return this.sendsAllStored || (this.sendsStored && this.object(entry) === entry.object);
  }

  /** The entry's object in this version. Shared. */
  object(entry: Entry): PlainObject {
    const stored = entry.object;
    const isOwn = stored.apiVersion === this.apiVersion && stored.kind === this.type.kind;
    if (isOwn && !this.codec.read) return stored;
    // Renaming a few fields is done again sooner than it is remembered.
    if (!this.codec.read && !this.asksToConvert && this.definition.conversion) return this.#converted(stored);
    let view = this.#views.get(entry);
    if (!view) {
      view = this.codec.read?.(stored) ?? stored;
      if (!isOwn) view = this.#converted(view);
      this.#views.set(entry, view);
    }
    return view;
  }

  /** Objects of other versions are converted by a webhook: ready() has to come before object(). */
  get asksToConvert(): boolean {
    return this.definition.conversion?.convert !== undefined;
  }

  /** Converts what takes asking somebody else; undefined when there is nothing to wait for. Rejects with StatusError. */
  ready(entries: readonly Entry[]): Promise<void> | undefined {
    const convert = this.definition.conversion?.convert;
    if (!convert) return undefined;
    const missing = entries.filter((entry) => entry.object.apiVersion !== this.apiVersion && !this.#views.has(entry));
    if (missing.length === 0) return undefined;
    const fresh = missing.filter((entry) => !this.#converting.has(entry));
    if (fresh.length > 0) {
      const conversion = this.#convert(convert, fresh);
      for (const entry of fresh) this.#converting.set(entry, conversion);
    }
    return Promise.all(new Set(missing.map((entry) => this.#converting.get(entry)))).then(() => undefined);
  }

  async #convert(convert: NonNullable<NonNullable<Definition['conversion']>['convert']>, entries: readonly Entry[]): Promise<void> {
    try {
      const objects = await convert(
        entries.map((entry) => this.codec.read?.(entry.object) ?? entry.object),
        this.type,
      );
      for (const [i, entry] of entries.entries()) {
        const view = objects[i] as PlainObject;
        this.#views.set(entry, this.codec.converted?.(view) ?? view);
      }
    } finally {
      for (const entry of entries) this.#converting.delete(entry);
    }
  }

  #converted(stored: PlainObject): PlainObject {
    const { conversion } = this.definition;
    invariant(!conversion?.convert, 'an object is looked at before its conversion');
    // What the codec takes out of the converted object, it may still have in common with the stored one.
    const own = this.codec.converted ? structuredClone(stored) : stored;
    const converted = conversion ? (conversion.fromStored(own) as PlainObject) : stored;
    return this.#known({ ...converted, kind: this.type.kind, apiVersion: this.apiVersion });
  }

  /** An object of another endpoint of the same stored objects, in this version. The argument isn't changed. */
  async convertedFrom(other: Endpoint, object: PlainObject): Promise<PlainObject> {
    const stored = await other.stored(structuredClone(object));
    if (stored.apiVersion === this.apiVersion && stored.kind === this.type.kind) return stored;
    const convert = this.definition.conversion?.convert;
    if (!convert) return this.#converted(stored);
    return this.#known((await convert([stored], this.type))[0] as PlainObject);
  }

  /** The form to be stored; a promise only where somebody else has to be asked. May change the object. */
  stored(object: PlainObject): PlainObject | Promise<PlainObject> {
    const { conversion } = this.definition;
    if (!conversion) return this.#storedAs ? { ...object, ...this.#storedAs } : object;
    if (conversion.convert && this.apiVersion !== apiVersionOf(conversion.stored)) {
      return conversion.convert([object], conversion.stored).then(([converted]) => this.#known(converted as PlainObject));
    }
    const stored = conversion.toStored(object as KubeObject) as PlainObject;
    return this.#known({ ...stored, kind: conversion.stored.kind, apiVersion: apiVersionOf(conversion.stored) });
  }

  #known(converted: PlainObject): PlainObject {
    return this.codec.converted?.(converted) ?? converted;
  }

  /** A cache event as this version's watchers see it. */
  event(event: EntryEvent): WatchEvent {
    return this.sendsStoredOf(event.entry) ? event : { type: event.type, object: this.object(event.entry) };
  }
}

export const resourceKey = (group: string, version: string, resource: string): string => `${group}/${version}/${resource}`;

export class Resources {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #endpoints = new Map<string, Endpoint>();
  /** The same by the resource's name alone, which few have in common: whoever looks for one makes no key. */
  readonly #byResource = new Map<string, Endpoint[]>();
  readonly #caches = new Map<string, { cache: WatchCache; started: Promise<void>; users: number }>();
  /** Counts changes of what is served, for discovery's caches. */
  generation = 0;
  /** Told of each key space before anything in it is read. */
  readonly #onKeySpace: (prefix: string, type: Definition['type']) => void;
  #delegated: readonly DelegatedVersion[] = [];

  constructor(store: Store, log: Logger = silentLogger, onKeySpace: (prefix: string, type: Definition['type']) => void = () => {}) {
    this.#onKeySpace = onKeySpace;
    this.#store = store;
    this.#log = log;
  }

  /** What other servers answer for, as discovery tells it. */
  get delegated(): readonly DelegatedVersion[] {
    return this.#delegated;
  }

  delegate(versions: readonly DelegatedVersion[]): void {
    this.#delegated = versions;
    this.generation++;
  }

  find(group: string, version: string, resource: string): Endpoint | undefined {
    const named = this.#byResource.get(resource);
    if (named) for (const endpoint of named) if (endpoint.type.version === version && endpoint.type.group === group) return endpoint;
    return undefined;
  }

  all(): Iterable<Endpoint> {
    return this.#endpoints.values();
  }

  /** Those that discovery tells of. */
  told(): Endpoint[] {
    return [...this.#endpoints.values()].filter(({ definition }) => !definition.untold);
  }

  /** The other endpoints of the same stored objects, in the order in which they came. */
  equivalents(endpoint: Endpoint): Endpoint[] {
    return [...this.#endpoints.values()].filter((other) => other !== endpoint && other.cache === endpoint.cache);
  }

  /** Whether something of it is told of. */
  hasGroupVersion(group: string, version: string): boolean {
    return this.told().some(({ type }) => type.group === group && type.version === version);
  }

  /** Serves the definition once its objects are loaded. Replaces one of the same name. */
  async add(definition: Definition, codec?: ObjectCodec): Promise<Endpoint> {
    const { group, version, resource } = definition.type;
    const prefix = `${REGISTRY}${definition.storagePrefix ?? resource}/`;
    let held = this.#caches.get(prefix);
    if (!held) {
      this.#onKeySpace(prefix, definition.type);
      const cache = new WatchCache(this.#store, prefix, this.#log, codec ? {} : storedForm(definition));
      held = { cache, started: cache.start(), users: 0 };
      this.#caches.set(prefix, held);
    }
    held.users++;
    await held.started;
    const key = resourceKey(group, version, resource);
    const replaced = this.#endpoints.get(key);
    const endpoint = new Endpoint(definition, held.cache, codec ?? builtInCodec(definition), this.#primary(prefix, key));
    this.#endpoints.set(key, endpoint);
    const named = this.#byResource.get(resource) ?? [];
    this.#byResource.set(resource, [...named.filter((other) => other !== replaced), endpoint]);
    this.generation++;
    if (replaced) this.#release(replaced.cache.prefix);
    return endpoint;
  }

  remove(group: string, version: string, resource: string): void {
    const key = resourceKey(group, version, resource);
    const endpoint = this.#endpoints.get(key);
    if (!endpoint) return;
    this.#endpoints.delete(key);
    const others = this.#byResource.get(resource)!.filter((other) => other !== endpoint);
    if (others.length > 0) this.#byResource.set(resource, others);
    else this.#byResource.delete(resource);
    this.generation++;
    this.#release(endpoint.cache.prefix);
  }

  stop(): void {
    for (const { cache } of this.#caches.values()) cache.stop();
  }

  /** The endpoint that was there first decides in which version new objects of the same key space are stored. */
  #primary(prefix: string, exceptKey: string): Endpoint | undefined {
    for (const [key, endpoint] of this.#endpoints) {
      if (key !== exceptKey && endpoint.cache.prefix === prefix && endpoint.sendsStored) return endpoint;
    }
    return undefined;
  }

  #release(prefix: string): void {
    const held = this.#caches.get(prefix);
    if (!held || --held.users > 0) return;
    held.cache.stop();
    this.#caches.delete(prefix);
  }
}
