// Starts controllers over one set of informers (cmd/kube-controller-manager/app/controllermanager.go).
import type { Client } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import type { Family } from '@tiphys/std';
import { informerCaches } from './caches.ts';
import type { Controller } from './controller.ts';
import { controllerMetrics } from './metrics.ts';
import { type Runner, runner } from './runner.ts';

export interface StartOptions {
  /** Reads for all of them, and becomes each controller's identity for what that one writes. */
  client: Client;
  runtime: Runtime;
  controllers: readonly Controller[];
}

export interface RunningControllers extends AsyncDisposable {
  /** Resolves when every cache is filled and the controllers work. */
  ready: Promise<void>;
  /** What they count, under upstream's names. */
  metrics: readonly Family[];
  /** True when no controller has anything queued or in work; timers may still be set. */
  idle(): boolean;
  stop(): Promise<void>;
}

/** The user that upstream's controller of that name is (pkg/controller/… clientbuilder). */
export const controllerUser = (name: string): string => `system:serviceaccount:kube-system:${name}`;

export function startControllers({ client, runtime, controllers }: StartOptions): RunningControllers {
  const caches = informerCaches(client);
  const metrics = controllerMetrics(() => runtime.clock.now());
  const runners: Runner[] = controllers.map((controller) =>
    runner({ controller, caches, client: client.as({ name: controller.user ?? controllerUser(controller.name) }), runtime, metrics }),
  );
  const ready = Promise.all(runners.map((one) => one.start())).then(() => undefined);
  const stop = async () => {
    await Promise.all(runners.map((one) => one.stop()));
  };
  return {
    ready,
    metrics: [
      ...metrics.families,
      ...runners.flatMap((one) => one.counters),
      ...controllers.flatMap((controller) => controller.metrics ?? []),
    ],
    idle: () => runners.every((one) => one.idle()),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
