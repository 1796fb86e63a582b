// What must hold at every moment, whatever goes wrong. Each check looks at the truth and throws a Broken that says what it saw.
import type { corev1, KubeObject, policyv1 } from '@tiphys/api';
import type { ApiHandler, UserInfo } from '@tiphys/machinery';
import type { Truth, TruthEvent } from './truth.ts';

/** A promise of the system was not kept. */
export class Broken extends Error {
  override name = 'Broken';
}

const PODS = '/registry/pods/';

export const isReady = (pod: corev1.Pod) =>
  !pod.metadata?.deletionTimestamp && pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

const podsOf = (truth: Truth, app: string) => truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata?.labels?.app === app);

/** Revisions grow by every event, and an object's uid never changes under its name without its end. */
function revisionsGrow(truth: Truth): void {
  let last = 0;
  truth.onEvent(({ revision, key, old, new: now }: TruthEvent) => {
    if (revision <= last) throw new Broken(`revision ${revision} came after ${last}`);
    last = revision;
    if (old && now && old.metadata?.uid !== now.metadata?.uid) throw new Broken(`${key} became another object without its end`);
  });
}

/** Pods are bound once, and only to nodes that there are. */
function bindingsStay(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (!key.startsWith(PODS) || !now) return;
    const [before, after] = [(old as corev1.Pod | undefined)?.spec?.nodeName, (now as corev1.Pod).spec?.nodeName];
    if (before && before !== after) throw new Broken(`${key} moved from ${before} to ${after}`);
    if (after && !before && !truth.all('minions').some((node) => node.metadata?.name === after))
      throw new Broken(`${key} was bound to ${after}, which does not exist`);
  });
}

/** A finished pod stays finished. */
function endsAreFinal(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (!key.startsWith(PODS) || !old || !now) return;
    const [before, after] = [(old as corev1.Pod).status?.phase, (now as corev1.Pod).status?.phase];
    if ((before === 'Succeeded' || before === 'Failed') && after !== before) throw new Broken(`${key} went from ${before} to ${after}`);
  });
}

/** Evictions leave as many pods ready as the budget says; `app` has no other trouble than evictions. */
function budgetHolds(truth: Truth, app: string): void {
  let wasHealthy = false;
  truth.onEvent(({ key, old, new: now, revision }) => {
    if (!key.startsWith(PODS) || (old ?? now)?.metadata?.labels?.app !== app) return;
    const budget = truth.all<policyv1.PodDisruptionBudget>('poddisruptionbudgets').find(({ metadata }) => metadata?.name === app);
    const wanted = budget?.spec?.minAvailable;
    if (typeof wanted !== 'number') return;
    const ready = podsOf(truth, app).filter(isReady).length;
    if (ready > wanted) wasHealthy = true;
    const isEviction = now?.metadata?.deletionTimestamp !== undefined && old?.metadata?.deletionTimestamp === undefined;
    if (wasHealthy && isEviction && ready < wanted)
      throw new Broken(`at revision ${revision} an eviction left ${ready} pods of ${app} ready where the budget wants ${wanted}`);
  });
}

/** A Job never has more pods at work than it may, and a finished one starts none. */
function jobsAreBounded(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    const owner = now?.metadata?.ownerReferences?.find(({ kind }) => kind === 'Job');
    if (!key.startsWith(PODS) || old || !owner) return;
    const job = truth
      .all<KubeObject & { spec: { parallelism: number }; status?: { completionTime?: string } }>('jobs')
      .find(({ metadata }) => metadata?.uid === owner.uid);
    if (!job) return;
    if (job.status?.completionTime) throw new Broken(`the finished job ${owner.name} started ${key}`);
    const active = truth
      .all<corev1.Pod>('pods')
      .filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uid === owner.uid))
      .filter((pod) => !pod.metadata?.deletionTimestamp && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed').length;
    if (active > job.spec.parallelism)
      throw new Broken(`${active} pods of the job ${owner.name} are at work, ${job.spec.parallelism} may be`);
  });
}

export function watchSafety(truth: Truth, guarded: string): void {
  revisionsGrow(truth);
  bindingsStay(truth);
  endsAreFinal(truth);
  budgetHolds(truth, guarded);
  jobsAreBounded(truth);
}

/** Follows the pods as a careful client does, and holds what it was told against the store's own history. */
export class WatchWitness {
  readonly #truth: string[] = [];
  readonly #seen: string[] = [];
  #revision = '0';

  constructor(truth: Truth) {
    truth.onEvent(({ revision, key }) => {
      if (key.startsWith(PODS)) this.#truth.push(`${revision} ${key.slice(PODS.length)}`);
    });
  }

  /** Watches until the server ends it; call it again for the next watch, which goes on where this ended. */
  async follow(handler: ApiHandler, user: UserInfo, from?: string): Promise<void> {
    if (from !== undefined) this.#revision = from;
    const url = `/api/v1/pods?watch=true&resourceVersion=${this.#revision}`;
    const answer = await handler.handle({ method: 'GET', url, headers: {}, user });
    if (answer.body.kind !== 'watch') throw new Broken(`a watch from ${this.#revision} was answered with ${answer.status}`);
    const { watch } = answer.body;
    await new Promise<void>((resolve) => {
      watch.subscribe((events) => {
        for (const { type, object } of events) {
          const { resourceVersion = '0', namespace, name } = object.metadata ?? {};
          this.#revision = resourceVersion;
          if (type !== 'BOOKMARK') this.#seen.push(`${resourceVersion} ${namespace}/${name}`);
        }
      }, resolve);
    });
  }

  /** Throws when an event was lost, told twice, or told out of order. */
  judge(): void {
    for (let i = 0; i < Math.max(this.#truth.length, this.#seen.length); i++) {
      if (this.#truth[i] !== this.#seen[i])
        throw new Broken(`event ${i} of the pods was "${this.#truth[i]}", and a watch was told "${this.#seen[i]}"`);
    }
  }
}
