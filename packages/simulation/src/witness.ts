// Follows pods as a careful client does, and holds what it was told against the store's own history.
import type { KubeObject } from '@tiphys/api';
import type { ApiHandler, UserInfo } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import { Broken } from './broken.ts';
import type { Truth, TruthEvent } from './truth.ts';

const PODS = '/registry/pods/';
/**
 * How long one watch lasts: going on from a revision is where events are lost or repeated. Long enough for a bookmark, so that the
 * revision is never older than what the server still knows.
 */
const FOLLOW_MS = 70_000;

/** Which pods are followed: as the query says it, and as it should be understood. */
export interface Selection {
  query: string;
  selects(pod: KubeObject): boolean;
}

export const EVERYTHING: Selection = { query: '', selects: () => true };

/** What somebody with the selection should be told: what comes into it is new, and what leaves it is gone. */
function told({ key, revision, old, new: now }: TruthEvent, { selects }: Selection): string | undefined {
  const [was, is] = [old !== undefined && selects(old), now !== undefined && selects(now)];
  if (!was && !is) return undefined;
  return `${is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'} ${revision} ${key.slice(PODS.length)}`;
}

interface Told {
  revision: number;
  line: string;
}

export class WatchWitness {
  readonly #selection: Selection;
  readonly #truth: Truth;
  readonly #happened: Told[] = [];
  readonly #seen: string[] = [];
  #revision = '0';
  /** Of the server that told the last revision. */
  #server = 0;

  constructor(truth: Truth, selection: Selection) {
    this.#selection = selection;
    this.#truth = truth;
    truth.onEvent((event) => {
      const line = event.key.startsWith(PODS) ? told(event, selection) : undefined;
      if (line) this.#happened.push({ revision: event.revision, line });
    });
  }

  /**
   * Watches for a while, or until the watch ends; called again it goes on from where it was. `server` is which one answers: a new one does
   * not know what was before it, and says so.
   */
  async follow(handler: ApiHandler, user: UserInfo, clock: Clock, server: () => number): Promise<void> {
    const url = `/api/v1/pods?watch=true&resourceVersion=${this.#revision}&allowWatchBookmarks=true${this.#selection.query}`;
    const answer = await handler.handle({ method: 'GET', url, headers: {}, user });
    if (answer.body.kind !== 'watch') throw new Broken(`a watch from ${this.#revision} was answered with ${answer.status}`);
    const { watch } = answer.body;
    let isForgotten = false;
    await new Promise<void>((resolve) => {
      const stop = watch.subscribe((events) => {
        for (const { type, object } of events) {
          const { resourceVersion = '0', namespace, name } = object.metadata ?? {};
          if (type === 'ERROR' && this.#server !== server()) isForgotten = true;
          else if (type !== 'BOOKMARK') this.#seen.push(`${type} ${resourceVersion} ${namespace}/${name}`);
          if (type === 'ERROR') continue;
          this.#revision = resourceVersion;
          this.#server = server();
        }
      }, resolve);
      clock.after(FOLLOW_MS, () => {
        stop();
        resolve();
      });
    });
    if (isForgotten) await this.#beginAnew(handler, user, server());
  }

  /** Throws when an event was lost, told twice, or told out of order. */
  judge(): void {
    for (let i = 0; i < Math.max(this.#happened.length, this.#seen.length); i++) this.#compare(i);
  }

  #compare(i: number): void {
    const { line } = this.#happened[i] ?? {};
    if (line !== this.#seen[i])
      throw new Broken(`event ${i} of the pods${this.#selection.query} was "${line}", and a watch was told "${this.#seen[i]}"`);
  }

  /** Lists what there is, as a client does that is told that its revision is too old. What happened meanwhile nobody tells it. */
  async #beginAnew(handler: ApiHandler, user: UserInfo, server: number): Promise<void> {
    const answer = await handler.handle({ method: 'GET', url: `/api/v1/pods?${this.#selection.query}`, headers: {}, user });
    if (answer.body.kind !== 'object' || answer.status !== 200) return;
    const { items, metadata } = answer.body.object as KubeObject & { items: KubeObject[] };
    const shown = (pods: readonly KubeObject[]) =>
      pods
        .map((pod) => `${pod.metadata!.namespace}/${pod.metadata!.name}`)
        .sort()
        .join(' ');
    const there = shown(this.#truth.all('pods').filter((pod) => this.#selection.selects(pod)));
    this.#truth.check(() => {
      if (shown(items) !== there) throw new Broken(`the pods${this.#selection.query} are ${there}, and a list says ${shown(items)}`);
      for (let i = 0; i < this.#seen.length; i++) this.#compare(i);
    });
    this.#revision = metadata!.resourceVersion!;
    this.#server = server;
    for (const { revision, line } of this.#happened.slice(this.#seen.length)) if (revision <= Number(this.#revision)) this.#seen.push(line);
  }
}
