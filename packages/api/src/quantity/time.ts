// Times as text, as objects carry them.

/** Whole seconds, as metav1.Time is written. */
export function timeText(ms: number): string {
  const second = Math.floor(ms / 1000);
  // Joined it is one string; put together with + it is a tree of parts, which JSON.stringify has a slow path for.
  if (second !== last.second) last = { second, text: [new Date(ms).toISOString().slice(0, 19), 'Z'].join('') };
  return last.text;
}

/** Most of them are asked for many times a second. */
let last = { second: Number.NaN, text: '' };

/** Microseconds, as metav1.MicroTime is written. */
export function microTimeText(ms: number): string {
  return [new Date(ms).toISOString().slice(0, 23), '000Z'].join('');
}
