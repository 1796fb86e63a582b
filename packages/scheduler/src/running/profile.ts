// A profile: the plugins that decide for pods of one scheduler name (docs: scheduling configuration, profiles).
import type { corev1 } from '@tiphys/api';
import type { Extender } from '../extender.ts';
import { RememberedAnswers } from '../framework/local-answers.ts';
import type { Plugin, Refusal, Snapshot } from '../framework/plugin.ts';
import { defaultPlugins, type PluginServices } from '../plugins/index.ts';
import type { PreemptionArguments } from '../preempt.ts';

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

export interface ProfileOptions {
  schedulerName: string;
  plugins: readonly Plugin[];
  /** Which plugin's preemption is on; without it pods never make room. */
  preempts: boolean;
  preemption?: PreemptionArguments;
  /** 0: by the size of the cluster. */
  percentageOfNodesToScore: number;
  extenders?: readonly Extender[];
}

export interface Profile extends ProfileOptions {
  remembered: RememberedAnswers;
}

export const profileOf = (options: ProfileOptions): Profile => ({ ...options, remembered: new RememberedAnswers(options.plugins) });

export const defaultProfile = (services: PluginServices): ProfileOptions => ({
  schedulerName: DEFAULT_SCHEDULER_NAME,
  plugins: defaultPlugins(services),
  preempts: true,
  percentageOfNodesToScore: 0,
});

/** Why the pod may not be tried at all. */
export function enqueueRefusal(
  { plugins }: Pick<ProfileOptions, 'plugins'>,
  pod: corev1.Pod,
  snapshot: Snapshot,
): (Refusal & { plugin: Plugin }) | undefined {
  for (const plugin of plugins) {
    const refusal = plugin.preEnqueue?.(pod, snapshot);
    if (refusal) return { ...refusal, plugin };
  }
  return undefined;
}
