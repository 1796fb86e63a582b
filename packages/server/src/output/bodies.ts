// Answers that come from the cache: in process they are shared objects, made on demand; the edge sends the stored bytes.
import type { KubeList, KubeObject, ListMeta } from '@tiphys/api';
import type { Entry, PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';

export class EntryBody {
  readonly kind = 'object';
  readonly endpoint: Endpoint;
  readonly entry: Entry;

  constructor(endpoint: Endpoint, entry: Entry) {
    this.endpoint = endpoint;
    this.entry = entry;
  }

  get object(): PlainObject {
    return this.endpoint.object(this.entry);
  }
}

export class ListBody {
  readonly kind = 'object';
  readonly endpoint: Endpoint;
  readonly entries: readonly Entry[];
  readonly metadata: ListMeta;
  /** What was asked and when it last could have changed: lists with the same have the same items. */
  readonly question: string | undefined;
  #object: KubeList | undefined;

  constructor(endpoint: Endpoint, entries: readonly Entry[], metadata: ListMeta, question?: string) {
    this.endpoint = endpoint;
    this.entries = entries;
    this.metadata = metadata;
    this.question = question;
  }

  get object(): KubeObject {
    this.#object ??= {
      kind: this.listKind,
      apiVersion: this.endpoint.apiVersion,
      metadata: this.metadata,
      items: this.entries.map((entry) => this.endpoint.object(entry)),
    };
    return this.#object as KubeObject;
  }

  get listKind(): string {
    return `${this.endpoint.type.kind}List`;
  }
}
