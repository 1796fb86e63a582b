export { type BootstrapOptions, bootstrapCluster, keepEndpoints } from './bootstrap.ts';
export { LOOPBACK_USER, type Loopback, loopback } from './loopback.ts';
export { type Advertised, SYSTEM_NAMESPACES, type TrustedProxies } from './objects.ts';
