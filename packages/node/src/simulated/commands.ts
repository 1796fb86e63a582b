// What a shell command says about itself without being run: `sleep 30` lasts, `exit 1` fails. Anything else says nothing.
import type { corev1 } from '@tiphys/api';

export interface CommandOutcome {
  durationMs?: number;
  exitCode?: number;
}

const SLEEP = /\bsleep\s+(\d+(?:\.\d+)?|infinity)(s|m|h|d)?\b/g;
const EXIT = /\bexit\s+(\d{1,3})\b/g;
const CONDITIONAL = /\b(if|case|while|until|for)\b|&&|\|\|/;
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** As good as for ever, and still a time that timers can hold. */
const FOREVER_MS = 2 ** 31 - 1;

/** Of the first container, which stands for the pod. Commands with conditions are not guessed at. */
export function commandOutcome(pod: corev1.Pod): CommandOutcome {
  const [container] = pod.spec?.containers ?? [];
  const text = [...(container?.command ?? []), ...(container?.args ?? [])].join(' ');
  if (text === '' || CONDITIONAL.test(text)) return {};
  let durationMs: number | undefined;
  for (const [, amount, unit] of text.matchAll(SLEEP)) {
    const ms = amount === 'infinity' ? FOREVER_MS : Number(amount) * UNIT_SECONDS[unit ?? 's']! * 1000;
    durationMs = Math.min(FOREVER_MS, (durationMs ?? 0) + ms);
  }
  const codes = [...text.matchAll(EXIT)];
  return {
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(codes.length === 1 ? { exitCode: Number(codes[0]![1]) } : {}),
  };
}
