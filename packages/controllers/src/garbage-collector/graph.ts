// Who owns whom: the graph that the garbage collector keeps, pure. Changes answer what has to be looked at
// (pkg/controller/garbagecollector/graph_builder.go, graph.go).
import type { KubeObject, OwnerReference, ResourceType } from '@tiphys/api';

export interface Identity {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string;
  uid: string;
}

export interface GraphNode {
  identity: Identity;
  /** undefined for an owner that was only named by others so far. */
  type: ResourceType | undefined;
  owners: readonly OwnerReference[];
  dependents: Set<GraphNode>;
  beingDeleted: boolean;
  /** Waits with finalizer foregroundDeletion for its dependents. */
  deletingDependents: boolean;
  /** Waits with finalizer orphan for its dependents to be released. */
  orphaning: boolean;
}

/** What a change makes worth a look. */
export interface Work {
  toDelete: readonly string[];
  toOrphan: readonly string[];
}

export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

const NOTHING: Work = { toDelete: [], toOrphan: [] };

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** An object was added or changed. */
  observe(type: ResourceType, apiVersion: string, object: KubeObject): Work {
    const metadata = object.metadata!;
    const uid = metadata.uid!;
    const finalizers = metadata.finalizers ?? [];
    const beingDeleted = metadata.deletionTimestamp !== undefined;
    const old = this.#nodes.get(uid);
    const identity = { apiVersion, kind: type.kind, name: metadata.name!, namespace: metadata.namespace ?? '', uid };
    const node = old ?? this.#add(identity);
    const before = {
      observed: old?.type !== undefined,
      beingDeleted: node.beingDeleted,
      owners: node.owners,
      deletingDependents: node.deletingDependents,
    };
    node.identity = identity;
    node.type = type;
    node.beingDeleted = beingDeleted;
    node.deletingDependents = beingDeleted && finalizers.includes(FOREGROUND_FINALIZER);
    node.orphaning = beingDeleted && finalizers.includes(ORPHAN_FINALIZER);
    const toDelete = new Set(this.#setOwners(node, metadata.ownerReferences ?? []));
    const isNew = !before.observed || before.owners !== node.owners;
    if (isNew && node.owners.some((owner) => this.#isDoubtful(node, owner))) toDelete.add(uid);
    if (node.deletingDependents && !before.deletingDependents) {
      toDelete.add(uid);
      for (const dependent of node.dependents) toDelete.add(dependent.identity.uid);
    }
    if (toDelete.size === 0 && !node.orphaning) return NOTHING;
    return { toDelete: [...toDelete], toOrphan: node.orphaning ? [uid] : [] };
  }

  /** The object is gone for good: its dependents lost an owner, and its own waiting owners may go on. */
  gone(uid: string): Work {
    const node = this.#nodes.get(uid);
    if (!node) return NOTHING;
    const toDelete = [...node.dependents].map((dependent) => dependent.identity.uid);
    for (const owner of node.owners) {
      const ownerNode = this.#nodes.get(owner.uid);
      ownerNode?.dependents.delete(node);
      if (ownerNode?.deletingDependents) toDelete.push(owner.uid);
    }
    if (node.dependents.size === 0) this.#nodes.delete(uid);
    else Object.assign(node, { type: undefined, owners: [], beingDeleted: false, deletingDependents: false, orphaning: false });
    return { toDelete, toOrphan: [] };
  }

  blockingDependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.identity.uid && owner.blockOwnerDeletion),
    );
  }

  /** An owner that was seen, is as the reference says and stays, needs no look: should it go, that is told. */
  #isDoubtful({ identity }: GraphNode, owner: OwnerReference): boolean {
    const node = this.#nodes.get(owner.uid);
    if (!node?.type || node.beingDeleted) return true;
    const { apiVersion, kind, name, namespace } = node.identity;
    if (namespace !== '' && namespace !== identity.namespace) return true;
    return apiVersion !== owner.apiVersion || kind !== owner.kind || name !== owner.name;
  }

  #add(identity: Identity): GraphNode {
    const node: GraphNode = {
      identity,
      type: undefined,
      owners: [],
      dependents: new Set(),
      beingDeleted: false,
      deletingDependents: false,
      orphaning: false,
    };
    this.#nodes.set(identity.uid, node);
    return node;
  }

  /** Answers owners that no longer wait because of this node, and owners not seen yet, which must be looked for. */
  #setOwners(node: GraphNode, owners: readonly OwnerReference[]): string[] {
    if (JSON.stringify(owners) === JSON.stringify(node.owners)) return [];
    const work: string[] = [];
    const kept = new Map(owners.map((owner) => [owner.uid, owner]));
    for (const owner of node.owners) {
      const ownerNode = this.#nodes.get(owner.uid);
      const now = kept.get(owner.uid);
      if (!now) this.#release(node, ownerNode);
      const unblocked = owner.blockOwnerDeletion && !now?.blockOwnerDeletion;
      if (ownerNode?.deletingDependents && (!now || unblocked)) work.push(owner.uid);
    }
    for (const owner of owners) {
      let ownerNode = this.#nodes.get(owner.uid);
      ownerNode ??= this.#add({
        apiVersion: owner.apiVersion,
        kind: owner.kind,
        name: owner.name,
        namespace: node.identity.namespace,
        uid: owner.uid,
      });
      ownerNode.dependents.add(node);
    }
    node.owners = owners;
    return work;
  }

  #release(node: GraphNode, owner: GraphNode | undefined): void {
    owner?.dependents.delete(node);
    if (owner && owner.type === undefined && owner.dependents.size === 0) this.#nodes.delete(owner.identity.uid);
  }
}
