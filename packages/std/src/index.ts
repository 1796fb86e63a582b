export { InvariantError, invariant, Retryable } from './invariant.ts';
