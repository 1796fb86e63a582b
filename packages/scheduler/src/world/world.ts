// What the scheduler knows: nodes with the pods on them, kept up to date by increments. Pods that were assigned but not
// yet seen bound are placed too (pkg/scheduler/backend/cache).
import type { corev1 } from '@tiphys/api';
import { type Amounts, amountsOf } from '@tiphys/machinery';
import { countPod, emptyNode, type MutableNode, type NodeInfo, type PodInfo } from './infos.ts';
import { RunningTally, type Tally, type TallyDefinition } from './tally.ts';
import { type Wish, Wishes } from './wishes.ts';

/** Tallies kept at once; the one not asked for longest goes first. */
const TALLIES_MAX = 256;

const sameAmounts = (a: Amounts, b: Amounts) => a.size === b.size && [...a].every(([name, amount]) => b.get(name) === amount);

/** Whether to every plugin the pod is as it was; kubelets report on pods all the time. */
const isAlike = (a: PodInfo, b: PodInfo) =>
  a.labelsKey === b.labelsKey &&
  !a.pod.metadata?.deletionTimestamp === !b.pod.metadata?.deletionTimestamp &&
  sameAmounts(a.requests, b.requests);

const claimsOf = ({ pod }: PodInfo): string[] =>
  (pod.spec!.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? [`${pod.metadata!.namespace}/${claim.claimName}`] : []));

/** Labels and taints: what domains and eligibility may hang on. */
const placement = (node: corev1.Node) => JSON.stringify([node.metadata?.labels, node.spec?.taints]);

export class World {
  readonly #nodes = new Map<string, MutableNode>();
  readonly #placed = new Map<string, { info: PodInfo; nodeName: string }>();
  /** Of the placed pods those whose node has not been seen, or is gone: node name → uids. */
  readonly #homeless = new Map<string, Set<string>>();
  readonly #nominated = new Map<string, { info: PodInfo; nodeName: string }>();
  readonly #tallies = new Map<string, RunningTally>();
  readonly #wishes: Wishes;
  readonly #imageNodes = new Map<string, number>();
  readonly #claimUsers = new Map<string, number>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #generation = 0;
  #list: readonly NodeInfo[] | undefined;
  #imageEpoch = 0;

  constructor(namespaceLabels: (name: string) => Readonly<Record<string, string>>) {
    this.#wishes = new Wishes(namespaceLabels);
  }

  get nodes(): readonly NodeInfo[] {
    this.#list ??= [...this.#nodes.values()];
    return this.#list;
  }

  get sizes(): { nodes: number; pods: number } {
    return { nodes: this.#nodes.size, pods: this.#placed.size };
  }

  /** Grows whenever some node's images, or the number of nodes, changed. */
  get imageEpoch(): number {
    return this.#imageEpoch;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  imageNodes(name: string): number {
    return this.#imageNodes.get(name) ?? 0;
  }

  claimUsers(claim: string): number {
    return this.#claimUsers.get(claim) ?? 0;
  }

  wishesAbout(pod: PodInfo): readonly Wish[] {
    return this.#wishes.about(pod);
  }

  tally(definition: TallyDefinition): Tally {
    let tally = this.#tallies.get(definition.key);
    if (tally) this.#tallies.delete(definition.key);
    else {
      tally = new RunningTally(definition, this.#nodes.values());
      if (this.#tallies.size >= TALLIES_MAX) this.#tallies.delete(this.#tallies.keys().next().value!);
    }
    this.#tallies.set(definition.key, tally);
    return tally;
  }

  /** Labels of a namespace changed: whom terms are about may have, too. */
  namespaceChanged(): void {
    this.#tallies.clear();
    this.#wishes.forgetAnswers();
  }

  setNode(node: corev1.Node): void {
    const name = node.metadata!.name!;
    const known = this.#nodes.get(name);
    if (known && placement(known.node) === placement(node)) known.node = node;
    else if (known) this.#moved(known, () => (known.node = node));
    else this.#add(emptyNode(node, this.#freeSlots.pop() ?? this.#slots++));
    const info = this.#nodes.get(name)!;
    info.allocatable = amountsOf(node.status?.allocatable);
    this.#setImages(info, node.status?.images ?? []);
    info.generation = ++this.#generation;
  }

  removeNode(name: string): void {
    const node = this.#nodes.get(name);
    if (!node) return;
    this.#setImages(node, []);
    this.#moved(node, undefined);
    if (node.pods.size > 0) this.#homeless.set(name, new Set(node.pods.keys()));
    this.#nodes.delete(name);
    this.#freeSlots.push(node.slot);
    this.#list = undefined;
    this.#imageEpoch++;
  }

  /** Puts a pod on a node, instead of where the same pod was before. */
  place(info: PodInfo, nodeName: string): void {
    const before = this.#placed.get(info.uid);
    const node = this.#nodes.get(nodeName);
    this.denominate(info.uid);
    if (before?.nodeName === nodeName && node && isAlike(before.info, info)) {
      this.#placed.set(info.uid, { info, nodeName });
      node.pods.set(info.uid, info);
      return;
    }
    this.remove(info.uid);
    this.#placed.set(info.uid, { info, nodeName });
    for (const claim of claimsOf(info)) this.#claimUsers.set(claim, this.claimUsers(claim) + 1);
    if (node) this.#change(node, info, 1);
    else this.#homeless.set(nodeName, (this.#homeless.get(nodeName) ?? new Set()).add(info.uid));
  }

  remove(uid: string): void {
    this.denominate(uid);
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    for (const claim of claimsOf(placed.info)) {
      const users = this.claimUsers(claim) - 1;
      if (users > 0) this.#claimUsers.set(claim, users);
      else this.#claimUsers.delete(claim);
    }
    const node = this.#nodes.get(placed.nodeName);
    if (node) this.#change(node, placed.info, -1);
    else this.#housed(uid, placed.nodeName);
  }

  #housed(uid: string, nodeName: string): void {
    const uids = this.#homeless.get(nodeName);
    if (uids?.delete(uid) && uids.size === 0) this.#homeless.delete(nodeName);
  }

  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.nodeName;
  }

  /** Promises the node to the pod, while others leave it. */
  nominate(info: PodInfo, nodeName: string): void {
    this.#nominated.set(info.uid, { info, nodeName });
  }

  denominate(uid: string): void {
    this.#nominated.delete(uid);
  }

  get hasNominations(): boolean {
    return this.#nominated.size > 0;
  }

  nominated(nodeName: string): readonly PodInfo[] {
    if (this.#nominated.size === 0) return NOBODY;
    return [...this.#nominated.values()].filter((entry) => entry.nodeName === nodeName).map(({ info }) => info);
  }

  #add(node: MutableNode): void {
    this.#nodes.set(node.name, node);
    this.#list = undefined;
    this.#imageEpoch++;
    this.#wishes.nodeChanged(node);
    for (const tally of this.#tallies.values()) tally.nodeAdded(node);
    for (const uid of this.#homeless.get(node.name) ?? []) this.#change(node, this.#placed.get(uid)!.info, 1);
    this.#homeless.delete(node.name);
  }

  /** Takes the node out of all domains, with its pods, and puts it into those of what it then is. */
  #moved(node: MutableNode, change: (() => void) | undefined): void {
    const pods = [...node.pods.values()];
    for (const tally of this.#tallies.values()) tally.nodeRemoved(node);
    for (const pod of pods) this.#wishes.podChanged(pod, node, -1);
    if (!change) return;
    change();
    this.#wishes.nodeChanged(node);
    for (const tally of this.#tallies.values()) tally.nodeAdded(node);
    for (const pod of pods) this.#wishes.podChanged(pod, node, 1);
  }

  #change(node: MutableNode, info: PodInfo, by: 1 | -1): void {
    countPod(node, info, by);
    for (const tally of this.#tallies.values()) tally.podChanged(info, node, by);
    this.#wishes.podChanged(info, node, by);
    node.generation = ++this.#generation;
  }

  #setImages(node: MutableNode, images: readonly corev1.ContainerImage[]): void {
    const now = new Map(images.flatMap(({ names, sizeBytes = 0 }) => (names ?? []).map((name) => [name, sizeBytes] as const)));
    const old = node.images;
    if (now.size === old.size && [...now].every(([name, bytes]) => old.get(name) === bytes)) return;
    this.#imageEpoch++;
    for (const name of old.keys()) this.#countImage(name, -1);
    for (const name of now.keys()) this.#countImage(name, 1);
    node.images = now;
  }

  #countImage(name: string, by: 1 | -1): void {
    const left = this.imageNodes(name) + by;
    if (left > 0) this.#imageNodes.set(name, left);
    else this.#imageNodes.delete(name);
  }
}

const NOBODY: readonly PodInfo[] = [];
