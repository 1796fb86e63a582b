// Keeps the process of a cluster small while nothing is asked of it, and fast once something is. Figures: bench/.
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** While everything is loaded, V8 cleans up often instead of growing: a dozen megabytes less for a cluster at rest. */
export const startFrugally = (): void => setFlagsFromString('--memory-saver-mode');

/**
 * V8 would let the space of young objects grow to 48 MB; a part of that costs hardly more time. Two halves of it are in use, each of
 * half this size.
 */
const YOUNG_BYTES_MAX = 16 * 2 ** 20;
const GROWTH_FACTOR = 2;

/** The space grows while objects outlive a collection, so it is looked at after each; V8 shrinks it when there is little to do. */
function keepYoungSpaceSmall(): void {
  const isSmall = () => getHeapSpaceStatistics().some((space) => space.space_name === 'new_space' && space.space_size < YOUNG_BYTES_MAX);
  let mayGrow = true;
  const observer = new PerformanceObserver(() => {
    if (isSmall() === mayGrow) return;
    mayGrow = !mayGrow;
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? GROWTH_FACTOR : 1}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}

/** Under load speed counts more. */
export function runFast(): void {
  setFlagsFromString('--no-memory-saver-mode');
  keepYoungSpaceSmall();
}

/** For processes that run a cluster. The C library keeps a heap for each thread unless told otherwise, which nobody here gains from. */
export function frugalEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { MALLOC_ARENA_MAX: '1', ...environment };
}
