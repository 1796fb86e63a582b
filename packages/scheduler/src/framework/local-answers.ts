// What plugins that look at nothing but pod and node say about each node. Pods made from one template get the same answers, so
// the answers are kept by the pods' signature, and only nodes that changed are judged again (KEP-5598's idea, taken further).
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import { firstRefusal, type Prepared, type RefusalBy } from './judge.ts';
import type { Plugin, Snapshot } from './plugin.ts';

interface ActiveScorer {
  plugin: Plugin;
  state: unknown;
}

export interface LocalAnswers {
  refusal(node: NodeInfo): RefusalBy | undefined;
  /** Weighted sum of the scores that need no normalizing. */
  score(node: NodeInfo): number;
  /** Of the scorers whose scores must be brought to 0…100 over the feasible nodes. */
  rawScores: readonly { plugin: Plugin; state: unknown; score(node: NodeInfo): number }[];
}

function scorersOf(pod: PodInfo, { states }: Prepared, snapshot: Snapshot, plugins: readonly Plugin[]): ActiveScorer[] {
  return plugins.flatMap((plugin) => {
    if (!plugin.signature || !plugin.score) return [];
    const state = plugin.preScore?.(pod, [], snapshot, states.get(plugin));
    return plugin.preScore && state === undefined ? [] : [{ plugin, state }];
  });
}

const weightedSum = (scorers: readonly ActiveScorer[], pod: PodInfo, node: NodeInfo) => {
  let sum = 0;
  for (const { plugin, state } of scorers) sum += plugin.score!(pod, node, state) * (plugin.weight ?? 1);
  return sum;
};

/** Judges anew each time it is asked. */
export function freshAnswers(pod: PodInfo, prepared: Prepared, snapshot: Snapshot, plugins: readonly Plugin[]): LocalAnswers {
  const scorers = scorersOf(pod, prepared, snapshot, plugins);
  const sums = scorers.filter(({ plugin }) => !plugin.normalize);
  return {
    refusal: (node) => firstRefusal(prepared.local, pod, node),
    score: (node) => weightedSum(sums, pod, node),
    rawScores: scorers
      .filter(({ plugin }) => plugin.normalize)
      .map(({ plugin, state }) => ({ plugin, state, score: (node) => plugin.score!(pod, node, state) })),
  };
}

/** Answers by slot of the node, judged when first asked for and again when the node has changed. */
class Table implements LocalAnswers {
  readonly rawScores: LocalAnswers['rawScores'];
  readonly #fresh: LocalAnswers;
  /** Generation of the node that was judged. */
  readonly #judged: number[] = [];
  readonly #refusals: (RefusalBy | undefined)[] = [];
  readonly #scores: number[] = [];
  readonly #raw: number[][];

  constructor(fresh: LocalAnswers) {
    this.#fresh = fresh;
    this.#raw = fresh.rawScores.map(() => []);
    this.rawScores = fresh.rawScores.map(({ plugin, state }, index) => {
      const scores = this.#raw[index]!;
      return { plugin, state, score: (node) => this.#current(node, scores) };
    });
  }

  refusal(node: NodeInfo) {
    return this.#current(node, this.#refusals);
  }

  score(node: NodeInfo) {
    return this.#current(node, this.#scores);
  }

  #current<T>(node: NodeInfo, answers: readonly T[]): T {
    if (this.#judged[node.slot] !== node.generation) this.#judge(node);
    return answers[node.slot]!;
  }

  #judge(node: NodeInfo): void {
    const refusal = this.#fresh.refusal(node);
    this.#judged[node.slot] = node.generation;
    this.#refusals[node.slot] = refusal;
    this.#scores[node.slot] = refusal ? 0 : this.#fresh.score(node);
    for (const [index, scores] of this.#raw.entries()) scores[node.slot] = refusal ? 0 : this.#fresh.rawScores[index]!.score(node);
  }
}

/** Signatures whose answers are kept; the one not used longest goes first. */
const SIGNATURES_MAX = 64;

/** Keeps the answers of one profile. */
export class RememberedAnswers {
  readonly #tables = new Map<string, Table>();
  readonly #plugins: readonly Plugin[];

  constructor(plugins: readonly Plugin[]) {
    this.#plugins = plugins;
  }

  for(pod: PodInfo, prepared: Prepared, snapshot: Snapshot): LocalAnswers {
    const signature = this.#signature(pod, snapshot);
    if (signature === undefined) return freshAnswers(pod, prepared, snapshot, this.#plugins);
    let table = this.#tables.get(signature);
    if (table) this.#tables.delete(signature);
    else {
      table = new Table(freshAnswers(pod, prepared, snapshot, this.#plugins));
      if (this.#tables.size >= SIGNATURES_MAX) this.#tables.delete(this.#tables.keys().next().value!);
    }
    this.#tables.set(signature, table);
    return table;
  }

  #signature(pod: PodInfo, snapshot: Snapshot): string | undefined {
    let signature = '';
    for (const plugin of this.#plugins) {
      const part = plugin.signature?.(pod, snapshot);
      if (plugin.signature && part === undefined) return undefined;
      signature += `${part ?? ''}\n`;
    }
    return signature;
  }
}
