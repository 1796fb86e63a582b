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

export class WatchWitness {
  readonly #selection: Selection;
  readonly #truth: string[] = [];
  readonly #seen: string[] = [];
  #revision = '0';

  constructor(truth: Truth, selection: Selection) {
    this.#selection = selection;
    truth.onEvent((event) => {
      const line = event.key.startsWith(PODS) ? told(event, selection) : undefined;
      if (line) this.#truth.push(line);
    });
  }

  /** Watches for a while, or until the watch ends; called again it goes on from where it was. */
  async follow(handler: ApiHandler, user: UserInfo, clock: Clock): Promise<void> {
    const url = `/api/v1/pods?watch=true&resourceVersion=${this.#revision}&allowWatchBookmarks=true${this.#selection.query}`;
    const answer = await handler.handle({ method: 'GET', url, headers: {}, user });
    if (answer.body.kind !== 'watch') throw new Broken(`a watch from ${this.#revision} was answered with ${answer.status}`);
    const { watch } = answer.body;
    await new Promise<void>((resolve) => {
      const stop = watch.subscribe((events) => {
        for (const { type, object } of events) {
          const { resourceVersion = '0', namespace, name } = object.metadata ?? {};
          if (type !== 'ERROR') this.#revision = resourceVersion;
          if (type !== 'BOOKMARK') this.#seen.push(`${type} ${resourceVersion} ${namespace}/${name}`);
        }
      }, resolve);
      clock.after(FOLLOW_MS, () => {
        stop();
        resolve();
      });
    });
  }

  /** Throws when an event was lost, told twice, or told out of order. */
  judge(): void {
    for (let i = 0; i < Math.max(this.#truth.length, this.#seen.length); i++) {
      if (this.#truth[i] !== this.#seen[i])
        throw new Broken(`event ${i} of the pods${this.#selection.query} was "${this.#truth[i]}", and a watch was told "${this.#seen[i]}"`);
    }
  }
}
