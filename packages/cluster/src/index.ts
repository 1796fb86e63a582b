// The entry in a checkout. Node strips the types of a thousand files and compiles them at each start, which takes longer than starting
// a cluster: what it made is kept in the checkout for the next time. The cache must be known before the files are asked for.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../../../.cache/compiled', import.meta.url)));

export const {
  askParcel,
  ConfigurationError,
  DEFAULT_CONFIGURATION,
  cleanUp,
  completeConfiguration,
  createServerToken,
  createToken,
  dataFolder,
  deleteToken,
  isDataFolder,
  isJoinedServer,
  isServerToken,
  joinMachine,
  joinServer,
  listTokens,
  obstacles,
  openDataFolder,
  parseConfiguration,
  parseToken,
  readMembership,
  restoreBackup,
  runningOn,
  saveBackup,
  startCluster,
  startControlLoops,
} = await import('./library.ts');
export type * from './library.ts';
