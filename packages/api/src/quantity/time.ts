// Times as text, as objects carry them.

/** Whole seconds, as metav1.Time is written. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Microseconds, as metav1.MicroTime is written. */
export function microTimeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}
