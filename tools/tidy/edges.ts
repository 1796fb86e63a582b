// The allowed edges between packages. Adding one is the change that needs review.
export const EDGES: Record<string, readonly string[]> = {
  std: [],
  runtime: ['std'],
  api: ['std'],
  machinery: ['std', 'api'],
  storage: ['std', 'runtime'],
  registry: ['std', 'runtime', 'api', 'machinery'],
  server: ['std', 'runtime', 'api', 'machinery', 'storage', 'registry'],
  client: ['std', 'runtime', 'api', 'machinery'],
  controllers: ['std', 'runtime', 'api', 'machinery', 'client'],
  scheduler: ['std', 'runtime', 'api', 'machinery', 'client'],
  node: ['std', 'runtime', 'api', 'machinery', 'client'],
  network: ['std', 'runtime', 'api', 'machinery', 'client'],
  cluster: ['std', 'runtime', 'api', 'machinery', 'storage', 'registry', 'server', 'client', 'controllers', 'scheduler', 'node', 'network'],
  simulation: ['std', 'runtime', 'api', 'machinery', 'storage', 'registry', 'server', 'client', 'controllers', 'scheduler', 'node'],
  cli: ['std', 'runtime', 'api', 'machinery', 'client', 'scheduler', 'node', 'network', 'cluster'],
};

/** Tests may also use these packages, to run against the real server instead of an imitation. */
export const TEST_EDGES: Record<string, readonly string[]> = {
  client: ['storage', 'registry', 'server'],
  controllers: ['storage', 'registry', 'server', 'scheduler'],
  scheduler: ['storage', 'registry', 'server', 'controllers'],
  node: ['storage', 'registry', 'server'],
  network: ['storage', 'registry', 'server'],
};

/** Packages that never read the clock, chance, disk or wire themselves: `runtime` hands those in. */
export const PURE_PACKAGES: readonly string[] = ['std', 'api', 'machinery', 'registry', 'client', 'controllers', 'scheduler'];

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 70;

/** Programs a person runs: their timers keep the process alive, which the Clock's don't. */
export const PROGRAM_PACKAGES: readonly string[] = ['cli'];
