// Binds what volume-binding.ts decided: reserves free volumes, asks for new ones, and waits until every claim is bound
// (pkg/scheduler/framework/plugins/volumebinding BindPodVolumes).
import { corev1 } from '@tiphys/api';
import { type Client, referenceTo } from '@tiphys/client';
import { VOLUME_ANNOTATIONS } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { Reservation, Snapshot } from '../framework/plugin.ts';
import { bindingProgress, type VolumeDecision } from './volume-binding.ts';

/** Upstream's bindTimeoutSeconds. */
const BIND_TIMEOUT_MS = 600_000;

export class VolumeBinder {
  /** Volumes promised to claims until the caches show it. */
  readonly taken = new Set<string>();
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #snapshot: Snapshot;

  constructor(client: Client, runtime: Runtime, snapshot: Snapshot) {
    this.#client = client;
    this.#runtime = runtime;
    this.#snapshot = snapshot;
  }

  /** Promises the free volumes of the decisions to their claims until the pod is bound, or not. */
  reserve(decisions: readonly VolumeDecision[], nodeName: string): Reservation {
    const names = decisions.flatMap(({ volume }) => volume?.metadata?.name ?? []);
    for (const name of names) this.taken.add(name);
    const giveBack = () => {
      for (const name of names) this.taken.delete(name);
    };
    return { undo: giveBack, postBind: giveBack, preBind: (signal) => this.#bind(decisions, nodeName, signal) };
  }

  /** Rejects when a claim can't be bound; the pod is then tried again. */
  async #bind(decisions: readonly VolumeDecision[], nodeName: string, signal: AbortSignal): Promise<void> {
    try {
      await Promise.all(decisions.map((decision) => this.#write(decision, nodeName)));
      await this.#bound(decisions, nodeName, signal);
    } catch (error) {
      // Whatever it was, a conflict too, the pod is tried again on newer caches.
      throw new Error(`running PreBind plugin "VolumeBinding": ${(error as Error).message}`);
    }
  }

  async #write({ claim, volume }: VolumeDecision, nodeName: string): Promise<void> {
    if (volume) {
      const annotations = volume.spec?.claimRef
        ? volume.metadata?.annotations
        : { ...volume.metadata?.annotations, [VOLUME_ANNOTATIONS.boundByController]: 'yes' };
      const claimRef = referenceTo({ ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
      await this.#client.of(corev1.persistentvolumes).update({
        ...volume,
        metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) },
        spec: { ...volume.spec, claimRef },
      });
      return;
    }
    const annotations = { ...claim.metadata?.annotations, [VOLUME_ANNOTATIONS.selectedNode]: nodeName };
    if (claim.metadata?.annotations?.[VOLUME_ANNOTATIONS.selectedNode] === nodeName) return;
    await this.#client.of(corev1.persistentvolumeclaims).update({ ...claim, metadata: { ...claim.metadata, annotations } });
  }

  #bound(decisions: readonly VolumeDecision[], nodeName: string, signal: AbortSignal): Promise<void> {
    const claims = this.#client.informer(corev1.persistentvolumeclaims);
    const volumes = this.#client.informer(corev1.persistentvolumes);
    return new Promise<void>((resolve, reject) => {
      const stops: (() => void)[] = [];
      const end = (settle: () => void) => {
        timeout.cancel();
        signal.removeEventListener('abort', aborted);
        queueMicrotask(() => {
          for (const stop of stops) stop();
        });
        settle();
      };
      const look = () => {
        const states = decisions.map((decision) => bindingProgress(decision, nodeName, this.#snapshot));
        for (const state of states) if (typeof state === 'object') return end(() => reject(new Error(`binding volumes: ${state.problem}`)));
        if (states.every((state) => state === 'bound')) end(resolve);
      };
      const aborted = () => end(() => reject(signal.reason));
      const timeout = this.#runtime.clock.after(BIND_TIMEOUT_MS, () =>
        end(() => reject(new Error('binding volumes: context deadline exceeded'))),
      );
      signal.addEventListener('abort', aborted, { once: true });
      const handlers = { updated: look, deleted: look, added: look };
      stops.push(claims.subscribe(handlers), volumes.subscribe(handlers));
      look();
    });
  }
}
