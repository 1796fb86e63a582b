// What simulated pods go through, as data: each stage leads from one state to the next after a delay (the idea of kwok's Stage).
// A stage applies to the pods it names; where several apply, chance chooses by weight.
import type { corev1 } from '@tiphys/api';
import { commandOutcome } from './commands.ts';

export type StageFrom = 'Pending' | 'Running' | 'Deleting';
export type StageTo = 'Running' | 'Succeeded' | 'Failed' | 'Gone';

export interface PodStage {
  name: string;
  from: StageFrom;
  to: StageTo;
  /** Default: all pods. */
  applies?: (pod: corev1.Pod) => boolean;
  delayMs: number;
  /** Up to so much later, by chance. */
  jitterMs?: number;
  /** Default 1. */
  weight?: number;
  /** With which the containers end. Default 0 for Succeeded, 1 for Failed. */
  exitCode?: number;
}

/** How long a pod runs before it ends, such as `5s`. A pod that has it ends even if no Job owns it. */
export const DURATION_ANNOTATION = 'tiphys.dev/simulated-duration';
/** The code its containers exit with. */
export const EXIT_CODE_ANNOTATION = 'tiphys.dev/simulated-exit-code';

const COMPLETION_MS = 1000;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** undefined for a text that is no duration. */
export function durationMs(text: string | undefined): number | undefined {
  const match = DURATION.exec(text ?? '');
  return match ? Number(match[1]) * UNIT_MS[match[2]!]! : undefined;
}

const annotation = (pod: corev1.Pod, name: string) => pod.metadata?.annotations?.[name];

/** Does the pod's work end by itself? */
export function endsByItself(pod: corev1.Pod): boolean {
  if (pod.spec?.restartPolicy === 'Always') return false;
  const isJobs = pod.metadata?.ownerReferences?.some((owner) => owner.controller && owner.kind === 'Job') ?? false;
  return isJobs || durationMs(annotation(pod, DURATION_ANNOTATION)) !== undefined;
}

export const defaultStages: readonly PodStage[] = [
  { name: 'start', from: 'Pending', to: 'Running', delayMs: 0 },
  { name: 'complete', from: 'Running', to: 'Succeeded', applies: endsByItself, delayMs: COMPLETION_MS },
  { name: 'stop', from: 'Deleting', to: 'Gone', delayMs: 0 },
];

export interface ChosenStage {
  to: StageTo;
  afterMs: number;
  exitCode: number;
}

function weighted(stages: readonly PodStage[], chance: number): PodStage | undefined {
  let rest = chance * stages.reduce((sum, stage) => sum + (stage.weight ?? 1), 0);
  for (const stage of stages) {
    rest -= stage.weight ?? 1;
    if (rest < 0) return stage;
  }
  return stages.at(-1);
}

/** What becomes of a pod in the state, and when. `chance` gives numbers in [0, 1). The pod's own wishes go before the stage's. */
export function chooseStage(stages: readonly PodStage[], pod: corev1.Pod, from: StageFrom, chance: () => number): ChosenStage | undefined {
  const applicable = stages.filter((stage) => stage.from === from && (stage.applies?.(pod) ?? true));
  const stage = applicable.length > 1 ? weighted(applicable, chance()) : applicable[0];
  if (!stage) return undefined;
  const afterMs = stage.delayMs + (stage.jitterMs ? chance() * stage.jitterMs : 0);
  const exitCode = stage.exitCode ?? (stage.to === 'Failed' ? 1 : 0);
  if (from !== 'Running') return { to: stage.to, afterMs, exitCode };
  const asked = commandOutcome(pod);
  const wished = annotation(pod, EXIT_CODE_ANNOTATION);
  const code = wished !== undefined && /^\d{1,3}$/.test(wished) ? Number(wished) : (asked.exitCode ?? exitCode);
  const ends = stage.to === 'Succeeded' || stage.to === 'Failed';
  return {
    to: ends ? (code === 0 ? 'Succeeded' : 'Failed') : stage.to,
    afterMs: durationMs(annotation(pod, DURATION_ANNOTATION)) ?? asked.durationMs ?? afterMs,
    exitCode: code,
  };
}
