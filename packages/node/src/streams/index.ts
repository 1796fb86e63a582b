export type { NodeUsage, PodUsage, StreamHost, StreamTarget, Usage } from './host.ts';
export { HttpError } from './http-error.ts';
export { STREAM_PORT, type StreamServer, type StreamServerOptions, startStreamServer } from './stream-server.ts';
