/** Thrown when the program itself is wrong. Never caused by a caller's input and never rendered to one. */
export class InvariantError extends Error {
  override name = 'InvariantError';
}

/** States what must hold; a failure is our bug. Kept on in production. */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new InvariantError(why);
}

/** The world outside failed in a way that may pass (a socket, a disk, another program): retry with back-off. */
export class Retryable extends Error {
  override name = 'Retryable';
}
