// What the server acknowledged was written, and who wrote with a resourceVersion wrote on top of that very version.
import type { KubeObject } from '@tiphys/api';
import type { ApiRequest, ApiResponse } from '@tiphys/machinery';
import { Broken } from '../broken.ts';
import type { Truth } from '../truth.ts';

export type Observe = (request: ApiRequest, answer: ApiResponse) => void;

/** Told of every request and its answer, before any fault takes the answer away. */
export function writesHold(truth: Truth): Observe {
  return ({ method, url, body }, answer) => {
    if (answer.status >= 300 || answer.body.kind !== 'object' || (method !== 'PUT' && method !== 'POST')) return;
    const { metadata } = answer.body.object;
    const revision = Number(metadata?.resourceVersion);
    // Reviews, bindings and evictions answer with something that is not stored.
    if (!revision || url.includes('dryRun=')) return;
    const written = truth.writtenAt(revision);
    if (!written || written.uid !== metadata!.uid)
      return truth.check(() => {
        throw new Broken(`${method} ${url} was acknowledged with revision ${revision}, where nothing of it was written`);
      });
    const expected = Number(((body ?? {}) as KubeObject).metadata?.resourceVersion);
    if (method !== 'PUT' || !expected || revision === expected || written.previousRevision === expected) return;
    truth.check(() => {
      throw new Broken(
        `${url} was written on top of revision ${expected}, and its newest was ${written.previousRevision}: a write between is lost`,
      );
    });
  };
}
