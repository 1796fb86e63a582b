export { builtinControllers } from './builtin.ts';
export type { CertificateSigner, RequestFacts } from './certificates/requests.ts';
export type { NodeIpamOptions } from './node-ipam/node-ipam-controller.ts';
export * from './runtime/actions.ts';
export { claim } from './runtime/claims.ts';
export {
  type Controller,
  defineController,
  type Index,
  type Owned,
  type ReconcileContext,
  type Snapshot,
  type Watched,
  type World,
} from './runtime/controller.ts';
export * from './runtime/objects.ts';
export { controllerUser, type RunningControllers, type StartOptions, startControllers } from './runtime/start.ts';
export type { LoadBalancerProvider } from './service-lb/service-lb-controller.ts';
export { type SystemControllersOptions, systemControllers } from './system.ts';
export type { VolumeFolders } from './volumes/index.ts';
