// How far behind the truth a part may be that does its best.

/** The longest that a story delays what a part watches. */
export const STALE_FAULT_MS_MAX = 20_000;

/**
 * Several faults add up: watches that come late, lists that are refused and tried again with back-off (client-go reflector: up to
 * 30 s), slow requests. After this nobody has an excuse.
 */
export const STALE_MS_MAX = 60_000;
