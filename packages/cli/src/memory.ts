// Keeps the process of a cluster small while nothing is asked of it, and fast once something is. Figures: bench/.
import { setFlagsFromString } from 'node:v8';

/** While everything is loaded, V8 cleans up often instead of growing: a dozen megabytes less for a cluster at rest. */
export const startFrugally = (): void => setFlagsFromString('--memory-saver-mode');

/** Under load speed counts more. */
export const runFast = (): void => setFlagsFromString('--no-memory-saver-mode');

/** For processes that run a cluster. The C library keeps a heap for each thread unless told otherwise, which nobody here gains from. */
export function frugalEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { MALLOC_ARENA_MAX: '1', ...environment };
}
