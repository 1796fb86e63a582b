export {
  type Connection,
  type ConnectOptions,
  clientFromKubeconfig,
  connectionFromKubeconfig,
  inClusterConnection,
} from './connect.ts';
export { addContext, removeContext } from './contexts.ts';
export { type Environment, homeKubeconfig, kubeconfigPaths, loadKubeconfig } from './load.ts';
export { type Kubeconfig, KubeconfigError } from './types.ts';
