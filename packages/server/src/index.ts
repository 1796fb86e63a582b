export { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.ts';
export type { Listening, ListenOptions } from './edge/listen.ts';
export type * from './interfaces.ts';
