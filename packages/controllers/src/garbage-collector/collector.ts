// Acts on the graph: deletes what lost its owners, finishes foreground and orphan deletions. Every decision is checked
// against the server before it is carried out (pkg/controller/garbagecollector/garbagecollector.go).
import type { KubeObject, OwnerReference, ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import { FOREGROUND_FINALIZER, type GraphNode, type Identity, ORPHAN_FINALIZER, type OwnerGraph, type Work } from './graph.ts';

export interface CollectorOptions {
  client: Client;
  graph: OwnerGraph;
  /** The resource of a kind, if the server serves it. */
  typeOf(apiVersion: string, kind: string): ResourceType | undefined;
  enqueue(work: Work): void;
}

type Live = KubeObject | undefined;

async function read(client: Client, type: ResourceType, { name, namespace }: { name: string; namespace: string }): Promise<Live> {
  try {
    return await client.of(type).get(name, type.namespaced ? namespace : undefined);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

interface Classified {
  solid: OwnerReference[];
  dangling: OwnerReference[];
  waiting: OwnerReference[];
}

export class Collector {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Looks at one node; rejects when it should be tried again. */
  async attemptToDelete(uid: string): Promise<void> {
    const { graph, client, typeOf, enqueue } = this.#options;
    const node = graph.get(uid);
    if (!node || (node.beingDeleted && !node.deletingDependents)) return;
    const type = node.type ?? typeOf(node.identity.apiVersion, node.identity.kind);
    // A kind that is not served (yet) is neither there nor gone.
    if (!type) return;
    const latest = await read(client, type, node.identity);
    if (!latest || latest.metadata!.uid !== uid) {
      enqueue(graph.gone(uid));
      return;
    }
    if (node.deletingDependents) return this.#processDeletingDependents(node, type, latest);
    const owners = latest.metadata!.ownerReferences ?? [];
    if (owners.length === 0) return;
    const classified = await this.#classify(node, owners);
    if (classified.solid.length > 0) return this.#dropReferences(type, latest, [...classified.dangling, ...classified.waiting]);
    if (classified.waiting.length > 0 && node.dependents.size > 0) {
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) await this.#unblock(type, latest);
      return this.#delete(node, type, latest, 'Foreground');
    }
    const finalizers = latest.metadata!.finalizers ?? [];
    const policy = finalizers.includes(ORPHAN_FINALIZER)
      ? 'Orphan'
      : finalizers.includes(FOREGROUND_FINALIZER)
        ? 'Foreground'
        : 'Background';
    return this.#delete(node, type, latest, policy);
  }

  async #processDeletingDependents(node: GraphNode, type: ResourceType, latest: KubeObject): Promise<void> {
    const blocking = this.#options.graph.blockingDependents(node);
    if (blocking.length === 0) return this.#removeFinalizer(type, latest, FOREGROUND_FINALIZER);
    this.#options.enqueue({
      toDelete: blocking.filter((dependent) => !dependent.deletingDependents).map((dependent) => dependent.identity.uid),
      toOrphan: [],
    });
  }

  async #classify(node: GraphNode, owners: readonly OwnerReference[]): Promise<Classified> {
    const result: Classified = { solid: [], dangling: [], waiting: [] };
    for (const owner of owners) {
      const live = await this.#liveOwner(node.identity, owner);
      if (live === 'unknown') result.solid.push(owner);
      else if (!live || live.metadata!.uid !== owner.uid) result.dangling.push(owner);
      else if (live.metadata!.deletionTimestamp && live.metadata!.finalizers?.includes(FOREGROUND_FINALIZER)) result.waiting.push(owner);
      else result.solid.push(owner);
    }
    return result;
  }

  /** 'unknown' when the owner's kind is not served: nothing may be deleted for its sake. */
  async #liveOwner(dependent: Identity, owner: OwnerReference): Promise<Live | 'unknown'> {
    const type = this.#options.typeOf(owner.apiVersion, owner.kind);
    if (!type) return 'unknown';
    if (type.namespaced && dependent.namespace === '') return 'unknown';
    return read(this.#options.client, type, { name: owner.name, namespace: dependent.namespace });
  }

  async #dropReferences(type: ResourceType, latest: KubeObject, references: readonly OwnerReference[]): Promise<void> {
    if (references.length === 0) return;
    const gone = new Set(references.map((reference) => reference.uid));
    await this.#patchMetadata(type, latest, {
      ownerReferences: latest.metadata!.ownerReferences!.filter((reference) => !gone.has(reference.uid)),
    });
  }

  async #unblock(type: ResourceType, latest: KubeObject): Promise<void> {
    const ownerReferences = latest.metadata!.ownerReferences!.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
    await this.#patchMetadata(type, latest, { ownerReferences });
  }

  async #removeFinalizer(type: ResourceType, latest: KubeObject, finalizer: string): Promise<void> {
    const finalizers = (latest.metadata!.finalizers ?? []).filter((name) => name !== finalizer);
    if (finalizers.length === latest.metadata!.finalizers?.length) return;
    await this.#patchMetadata(type, latest, { finalizers });
  }

  async #patchMetadata(type: ResourceType, latest: KubeObject, change: object): Promise<void> {
    const { name, namespace, uid, resourceVersion } = latest.metadata!;
    await this.#options.client.of(type).patch(name!, namespace, 'merge', { metadata: { uid, resourceVersion, ...change } });
  }

  async #delete(
    node: GraphNode,
    type: ResourceType,
    latest: KubeObject,
    propagationPolicy: 'Foreground' | 'Background' | 'Orphan',
  ): Promise<void> {
    const { name, namespace, uid, resourceVersion } = latest.metadata!;
    try {
      await this.#options.client.of(type).delete(name!, namespace, { propagationPolicy, preconditions: { uid, resourceVersion } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#options.enqueue(this.#options.graph.gone(node.identity.uid));
    }
  }

  /** Releases the dependents of an owner that is deleted with policy Orphan, then lets it go. */
  async attemptToOrphan(uid: string): Promise<void> {
    const { graph, client } = this.#options;
    const node = graph.get(uid);
    if (!node?.orphaning || !node.type) return;
    for (const dependent of [...node.dependents]) {
      if (!dependent.type) continue;
      const latest = await read(client, dependent.type, dependent.identity);
      const reference = latest?.metadata?.ownerReferences?.find((owner) => owner.uid === uid);
      if (latest && reference) await this.#dropReferences(dependent.type, latest, [reference]);
    }
    const latest = await read(client, node.type, node.identity);
    if (latest?.metadata?.uid === uid) await this.#removeFinalizer(node.type, latest, ORPHAN_FINALIZER);
  }
}
