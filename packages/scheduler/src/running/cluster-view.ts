// The caches that the scheduler decides from: nodes and placed pods as a World, the rest as informers
// (pkg/scheduler/eventhandlers.go).
import { appsv1, corev1, type KubeObject, policyv1, type ResourceType, resourcev1, storagev1 } from '@tiphys/api';
import type { Client, Informer, InformerHandlers } from '@tiphys/client';
import { type LabelSelectorObject, labelSelectorMatcher } from '@tiphys/machinery';
import { DeviceWorld } from '../devices/device-world.ts';
import type { Happening } from '../framework/events.ts';
import type { Snapshot } from '../framework/plugin.ts';
import { World } from '../world/world.ts';

/** What a heartbeat does not change. */
const relevant = ({ spec, metadata, status }: corev1.Node) =>
  JSON.stringify([spec, metadata?.labels, status?.allocatable, status?.declaredFeatures]);

type Listener = (happening: Happening) => void;

export class ClusterView {
  readonly world: World;
  readonly devices = new DeviceWorld();
  readonly snapshot: Snapshot;
  readonly #client: Client;
  readonly #stops: (() => void)[] = [];
  readonly #used: ResourceType<any>[] = [];

  /** `promised` are volumes on their way to claims. */
  constructor(client: Client, promised: () => ReadonlySet<string>) {
    this.#client = client;
    const namespaces = this.#use(corev1.namespaces);
    this.world = new World((name) => namespaces.get(name)?.metadata?.labels ?? {});
    this.snapshot = this.#snapshot(promised);
  }

  /** Follows everything but pods, and tells what may help waiting pods. */
  follow(happened: Listener): void {
    const { world } = this;
    this.#on(corev1.nodes, {
      added: (node) => {
        world.setNode(node);
        happened({ event: 'NodeAdded', node: { new: node } });
      },
      updated: (node, old) => {
        const isNews = relevant(node) !== relevant(old);
        world.setNode(node);
        if (isNews) happened({ event: 'NodeUpdated', node: { old, new: node } });
      },
      deleted: (node) => {
        world.removeNode(node.metadata!.name!);
        happened({ event: 'NodeDeleted', node: { old: node } });
      },
    });
    this.#on(corev1.namespaces, {
      updated: (namespace, old) => {
        if (JSON.stringify(namespace.metadata?.labels) === JSON.stringify(old.metadata?.labels)) return;
        world.namespaceChanged();
        happened({ event: 'NamespaceUpdated' });
      },
    });
    const volume = () => happened({ event: 'VolumeChanged' });
    for (const type of [corev1.persistentvolumes, storagev1.storageclasses, storagev1.csinodes])
      this.#on(type as ResourceType, { added: volume, updated: volume });
    this.#followDevices(happened);
    const claim = () => happened({ event: 'ClaimChanged' });
    this.#on(corev1.persistentvolumeclaims, { added: claim, updated: claim });
  }

  #followDevices(happened: Listener): void {
    const { devices } = this;
    this.#on(resourcev1.resourceclaims, {
      added: (claim) => {
        devices.setClaim(claim);
        happened({ event: 'ResourceClaimChanged', claim: { new: claim } });
      },
      updated: (claim, old) => {
        devices.setClaim(claim);
        happened({ event: 'ResourceClaimChanged', claim: { old, new: claim } });
      },
      deleted: (claim) => devices.removeClaim(claim),
    });
    const slice = (one: resourcev1.ResourceSlice) => {
      devices.setSlice(one);
      happened({ event: 'ResourceSliceChanged' });
    };
    this.#on(resourcev1.resourceslices, { added: slice, updated: slice, deleted: (one) => devices.removeSlice(one) });
    const deviceClass = (one: resourcev1.DeviceClass) => {
      devices.setClass(one);
      happened({ event: 'DeviceClassChanged' });
    };
    this.#on(resourcev1.deviceclasses, { added: deviceClass, updated: deviceClass, deleted: (one) => devices.removeClass(one) });
  }

  /** Resolves when every cache has its first content. */
  async synced(): Promise<void> {
    await Promise.all(this.#used.map((type) => this.#client.informer(type).synced()));
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #use<T extends KubeObject>(type: ResourceType<T>): Informer<T> {
    if (!this.#used.includes(type)) this.#used.push(type);
    return this.#client.informer(type);
  }

  #on<T extends KubeObject>(type: ResourceType<T>, handlers: InformerHandlers<T>): void {
    this.#stops.push(this.#use(type).subscribe(handlers));
  }

  #snapshot(promised: () => ReadonlySet<string>): Snapshot {
    const { world } = this;
    const claims = this.#use(corev1.persistentvolumeclaims);
    const volumes = this.#use(corev1.persistentvolumes);
    const namespaces = this.#use(corev1.namespaces);
    const classes = this.#use(storagev1.storageclasses);
    const csiNodes = this.#use(storagev1.csinodes);
    const budgets = this.#use(policyv1.poddisruptionbudgets);
    const ownersSelector = this.#ownersSelector();
    return {
      devices: this.devices,
      get nodes() {
        return world.nodes;
      },
      imageNodes: (name) => world.imageNodes(name),
      node: (name) => world.node(name),
      tally: (definition) => world.tally(definition),
      wishesAbout: (pod) => world.wishesAbout(pod),
      nominated: (nodeName) => world.nominated(nodeName),
      get hasNominations() {
        return world.hasNominations;
      },
      namespace: (name) => namespaces.get(name),
      ownersSelector,
      claim: (namespace, name) => claims.get(name, namespace),
      volume: (name) => volumes.get(name),
      volumes: () => volumes.list(),
      storageClass: (name) => classes.get(name),
      volumeLimits: (nodeName) => csiNodes.get(nodeName),
      claimUsers: (claim) => world.claimUsers(claim),
      budgets: () => budgets.list(),
      get promisedVolumes() {
        return promised();
      },
    };
  }

  /** Services that serve the pod and the set that made it, as one selector (plugins/helper/spread.go). */
  #ownersSelector(): Snapshot['ownersSelector'] {
    const services = this.#use(corev1.services);
    const controllers = this.#use(corev1.replicationcontrollers);
    const replicaSets = this.#use(appsv1.replicasets);
    const statefulSets = this.#use(appsv1.statefulsets);
    const ownSelector = (pod: corev1.Pod): LabelSelectorObject | undefined => {
      const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller);
      const namespace = pod.metadata!.namespace!;
      switch (owner && `${owner.apiVersion} ${owner.kind}`) {
        case 'v1 ReplicationController': {
          const selector = controllers.get(owner!.name, namespace)?.spec?.selector;
          return selector && { matchLabels: selector };
        }
        case 'apps/v1 ReplicaSet':
          return replicaSets.get(owner!.name, namespace)?.spec?.selector;
        case 'apps/v1 StatefulSet':
          return statefulSets.get(owner!.name, namespace)?.spec?.selector;
        default:
          return undefined;
      }
    };
    return (pod) => {
      const labels = pod.metadata?.labels ?? {};
      const served: Record<string, string> = {};
      for (const { spec } of services.list(pod.metadata!.namespace!)) {
        const entries = Object.entries(spec?.selector ?? {});
        if (entries.length > 0 && entries.every(([key, value]) => labels[key] === value)) Object.assign(served, spec!.selector);
      }
      const own = ownSelector(pod);
      const selector = { ...own, matchLabels: { ...served, ...own?.matchLabels } };
      if (Object.keys(selector.matchLabels).length === 0 && !own?.matchExpressions?.length) return undefined;
      let matcher: ReturnType<typeof labelSelectorMatcher> | undefined;
      return {
        key: JSON.stringify(selector),
        matches: (others) => {
          matcher ??= labelSelectorMatcher(selector);
          return matcher.matches(others);
        },
      };
    };
  }
}
