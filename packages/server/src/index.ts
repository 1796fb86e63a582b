export * from './admission/index.ts';
export { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.ts';
export * from './authentication/index.ts';
export * from './authorization/index.ts';
export * from './bootstrap/index.ts';
export { type Connect, type ConnectOptions, connectHandlers, type KubeletTls } from './connect/index.ts';
export type { Listening, ListenOptions } from './edge/listen.ts';
export type * from './interfaces.ts';
export { createStandardServer, type StandardServer, type StandardServerOptions } from './standard-server.ts';
