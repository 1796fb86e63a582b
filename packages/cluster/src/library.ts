// Everything this package offers. The npm package's entry; a checkout's is index.ts.
export type { Restored } from './backup/backup.ts';
export { askParcel } from './backup/control-socket.ts';
export { type BackupOptions, restoreBackup, saveBackup } from './backup/files.ts';
export type { Backup, BackupHeader } from './backup/format.ts';
export {
  type ClusterConfiguration,
  ConfigurationError,
  completeConfiguration,
  DEFAULT_CONFIGURATION,
  type NodeRuntime,
  parseConfiguration,
} from './configuration.ts';
export { type ControlLoops, type ControlLoopsOptions, type JoinableServer, startControlLoops } from './control-loops.ts';
export { type DataFolder, dataFolder, isDataFolder, openDataFolder, type RunningProcess, runningOn } from './data-folder.ts';
export { type JoinedMachine, type JoinOptions, joinMachine } from './join/join-machine.ts';
export { isJoinedServer, type JoinServerOptions, joinServer } from './join/join-server.ts';
export { type Membership, readMembership } from './join/joined-folder.ts';
export { createServerToken } from './join/server-token.ts';
export { isServerToken, parseToken } from './join/token.ts';
export { type CreatedToken, createToken, deleteToken, listTokens } from './join/tokens.ts';
export { obstacles } from './nodes/runtime-choice.ts';
export { type CloseOptions, type Cluster, type ClusterOptions, cleanUp, startCluster } from './start-cluster.ts';
