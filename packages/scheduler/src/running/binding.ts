// From the decision to the bound pod: reserve, permit, what must be done before, bind, tell
// (pkg/scheduler/schedule_one.go bindingCycle).
import { corev1 } from '@tiphys/api';
import type { Client, SeriesRecorder } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import type { Prepared } from '../framework/judge.ts';
import { isRefusal, type Plugin, type Refusal, type Reservation, type Snapshot } from '../framework/plugin.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';

/** A plugin sent the pod back after it had been given a node. */
export class SentBack extends Error {
  override name = 'SentBack';
  readonly plugin: Plugin;

  constructor(plugin: Plugin, refusal: Refusal) {
    super(refusal.reasons.join(', '));
    this.plugin = plugin;
  }
}

export interface Reservations {
  all: readonly Reservation[];
  undo(): void;
}

/** Takes hold of everything the plugins want held, or of nothing. Throws SentBack. */
export function reserveAll(
  pod: PodInfo,
  node: NodeInfo,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  { states }: Prepared,
): Reservations {
  const all: Reservation[] = [];
  const undo = () => {
    for (const reservation of [...all].reverse()) reservation.undo?.();
  };
  for (const plugin of plugins) {
    const reservation = plugin.reserve?.(pod, node, snapshot, states.get(plugin));
    if (isRefusal(reservation)) {
      undo();
      throw new SentBack(plugin, reservation);
    }
    if (reservation) all.push(reservation);
  }
  return { all, undo };
}

export interface BindingServices {
  client: Client;
  runtime: Runtime;
  recorder: SeriesRecorder;
  /** From here on the pod may be sent back, until `prepared()` is called. */
  preparing(): AbortSignal;
  prepared(): void;
  /** An extender that binds instead. */
  bindElsewhere?: (pod: corev1.Pod, nodeName: string) => Promise<void>;
}

/** How long the plugins want it to wait. Throws SentBack. */
function permitted(pod: PodInfo, nodeName: string, plugins: readonly Plugin[]): number {
  let waitMs = 0;
  for (const plugin of plugins) {
    const permission = plugin.permit?.(pod, nodeName) ?? 'allow';
    if (permission === 'allow') continue;
    if ('waitMs' in permission) waitMs = Math.max(waitMs, permission.waitMs);
    else throw new SentBack(plugin, permission);
  }
  return waitMs;
}

/** What takes time before the binding. Most pods have nothing of that. */
async function prepareAll(waitMs: number, { all }: Reservations, services: BindingServices): Promise<void> {
  if (waitMs === 0 && !all.some(({ preBind }) => preBind)) return;
  const signal = services.preparing();
  try {
    if (waitMs > 0) await services.runtime.clock.sleep(waitMs, signal);
    for (const reservation of all) await reservation.preBind?.(signal);
    signal.throwIfAborted();
  } finally {
    services.prepared();
  }
}

/** Resolves when the API server has the binding. Rejects with what stood in the way; the caller undoes the reservations. */
export async function bind(
  info: PodInfo,
  nodeName: string,
  plugins: readonly Plugin[],
  reservations: Reservations,
  services: BindingServices,
): Promise<void> {
  const { pod } = info;
  const waitMs = permitted(info, nodeName, plugins);
  await prepareAll(waitMs, reservations, services);
  const { name, namespace, uid } = pod.metadata!;
  if (services.bindElsewhere) await services.bindElsewhere(pod, nodeName);
  else {
    const target = { kind: 'Node', name: nodeName };
    const binding: corev1.Binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target };
    await services.client.of(corev1.pods).post(name!, namespace, 'binding', binding);
  }
  for (const reservation of reservations.all) reservation.postBind?.();
  const text = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
  services.recorder.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'Scheduled', text, { action: 'Binding' });
}
