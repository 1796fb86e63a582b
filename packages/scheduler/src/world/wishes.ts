// What placed pods wish of pods to come: anti-affinity that refuses them, preferences that draw or repel them. Pods of one
// template wish the same, so wishes are kept once, with a sum per topology domain (plugins/interpodaffinity).
import type { corev1 } from '@tiphys/api';
import type { NodeInfo, PodInfo } from './infos.ts';
import { type PodTerm, podTerm } from './pod-term.ts';

export type WishKind = 'required-anti-affinity' | 'required-affinity' | 'preference';

export interface Wish {
  readonly kind: WishKind;
  readonly topologyKey: string;
  /** Weight summed over the pods of the node's domain that wish it. For preferences: negative repels. */
  on(node: NodeInfo): number;
}

interface Sum {
  weight: number;
}

/** Of nodes without the label. */
const NOWHERE: Sum = { weight: 0 };

class RunningWish implements Wish {
  readonly key: string;
  readonly kind: WishKind;
  readonly term: PodTerm;
  readonly topologyKey: string;
  holders = 0;
  /** labelsKey → whether it is about such a pod. */
  readonly about = new Map<string, boolean>();
  readonly #byValue = new Map<string, Sum>();
  /** By slot of the node, as far as they were asked for. */
  readonly #bySlot: (Sum | undefined)[] = [];

  constructor(key: string, kind: WishKind, term: PodTerm) {
    this.key = key;
    this.kind = kind;
    this.term = term;
    this.topologyKey = term.topologyKey;
  }

  on(node: NodeInfo): number {
    let sum = this.#bySlot[node.slot];
    if (!sum) {
      sum = this.#sumOf(node);
      this.#bySlot[node.slot] = sum;
    }
    return sum.weight;
  }

  add(value: string, weight: number): void {
    this.#sumAt(value).weight += weight;
  }

  /** The node is another, or has other labels. */
  forget(slot: number): void {
    this.#bySlot[slot] = undefined;
  }

  #sumOf({ node }: NodeInfo): Sum {
    const value = node.metadata?.labels?.[this.topologyKey];
    return value === undefined ? NOWHERE : this.#sumAt(value);
  }

  #sumAt(value: string): Sum {
    let sum = this.#byValue.get(value);
    if (!sum) {
      sum = { weight: 0 };
      this.#byValue.set(value, sum);
    }
    return sum;
  }
}

type NamespaceLabels = (name: string) => Readonly<Record<string, string>>;

/** Answers remembered per wish. */
const ABOUT_MAX = 4096;

const wishesOf = (pod: corev1.Pod): { kind: WishKind; weight: number; term: corev1.PodAffinityTerm }[] => {
  const near = pod.spec?.affinity?.podAffinity;
  const far = pod.spec?.affinity?.podAntiAffinity;
  const preference = 'preference' as const;
  return [
    ...(far?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => ({
      kind: 'required-anti-affinity' as const,
      weight: 1,
      term,
    })),
    ...(near?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => ({
      kind: 'required-affinity' as const,
      weight: 1,
      term,
    })),
    ...(near?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm: term }) => ({
      kind: preference,
      weight,
      term,
    })),
    ...(far?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm: term }) => ({
      kind: preference,
      weight: -weight,
      term,
    })),
  ];
};

export class Wishes {
  readonly #namespaceLabels: NamespaceLabels;
  readonly #wishes = new Map<string, RunningWish>();
  /** Those that name their namespaces, by namespace; and those that select them by label. */
  readonly #byNamespace = new Map<string, Set<RunningWish>>();
  readonly #anywhere = new Set<RunningWish>();

  constructor(namespaceLabels: NamespaceLabels) {
    this.#namespaceLabels = namespaceLabels;
  }

  podChanged(info: PodInfo, node: NodeInfo, by: 1 | -1): void {
    if (!info.hasAffinity) return;
    for (const { kind, weight, term } of wishesOf(info.pod)) {
      const value = node.node.metadata?.labels?.[term.topologyKey];
      if (value !== undefined) this.#count(kind, podTerm(term, info.pod), value, weight * by, by);
    }
  }

  /** Wishes that are about the pod and held by some pod. */
  about(pod: PodInfo): Wish[] {
    const found: Wish[] = [];
    for (const wishes of [this.#byNamespace.get(pod.pod.metadata!.namespace!), this.#anywhere])
      for (const wish of wishes ?? []) if (this.#isAbout(wish, pod)) found.push(wish);
    return found;
  }

  /** The node is another, or has other labels. */
  nodeChanged({ slot }: NodeInfo): void {
    for (const wish of this.#wishes.values()) wish.forget(slot);
  }

  /** Labels of a namespace changed. */
  forgetAnswers(): void {
    for (const wish of this.#anywhere) wish.about.clear();
  }

  #isAbout(wish: RunningWish, pod: PodInfo): boolean {
    let is = wish.about.get(pod.labelsKey);
    if (is === undefined) {
      if (wish.about.size >= ABOUT_MAX) wish.about.clear();
      is = wish.term.matches(pod.pod, this.#namespaceLabels);
      wish.about.set(pod.labelsKey, is);
    }
    return is;
  }

  #count(kind: WishKind, term: PodTerm, value: string, weight: number, holders: 1 | -1): void {
    const key = `${kind}\n${term.key}`;
    let wish = this.#wishes.get(key);
    if (!wish) {
      wish = new RunningWish(key, kind, term);
      this.#wishes.set(key, wish);
      this.#index(wish);
    }
    wish.holders += holders;
    wish.add(value, weight);
    if (wish.holders === 0) this.#drop(wish);
  }

  #index(wish: RunningWish): void {
    if (wish.term.selectsNamespaces) {
      this.#anywhere.add(wish);
      return;
    }
    for (const namespace of wish.term.namespaces) {
      const wishes = this.#byNamespace.get(namespace) ?? new Set();
      this.#byNamespace.set(namespace, wishes.add(wish));
    }
  }

  #drop(wish: RunningWish): void {
    this.#wishes.delete(wish.key);
    this.#anywhere.delete(wish);
    for (const namespace of wish.term.namespaces) {
      const wishes = this.#byNamespace.get(namespace);
      if (wishes?.delete(wish) && wishes.size === 0) this.#byNamespace.delete(namespace);
    }
  }
}
