export {
  type ClusterConfiguration,
  ConfigurationError,
  completeConfiguration,
  DEFAULT_CONFIGURATION,
  type NodeRuntime,
  parseConfiguration,
} from './configuration.ts';
export { type DataFolder, dataFolder, isDataFolder, openDataFolder, type RunningProcess, runningOn } from './data-folder.ts';
export { type Cluster, type ClusterOptions, startCluster } from './start-cluster.ts';
