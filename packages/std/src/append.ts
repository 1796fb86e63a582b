// Adding one list to another of any length: what is spread into a call goes onto the stack, which hundreds of thousands of items exhaust.

/** Adds the items to the end of the list. */
export function append<T>(list: T[], items: readonly T[]): void {
  for (const item of items) list.push(item);
}
