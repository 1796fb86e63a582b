// How to reach a server and as whom (client-go rest/config.go).
import type { Clock } from '@tiphys/runtime';
import type { CredentialSource } from './credentials.ts';

export interface HttpsOptions {
  /** Such as `https://127.0.0.1:6443`; a path in it goes before every request's. */
  server: string;
  clock: Clock;
  /** PEM. Without it the machine's own authorities count. */
  certificateAuthority?: string;
  /** Name to expect in the server's certificate when it is not the host of `server`. */
  serverName?: string;
  insecureSkipVerify?: boolean;
  /** Who asks; see credentials.ts. */
  credentials?: CredentialSource;
  /** Told of each warning the server sends along. */
  onWarning?(text: string): void;
}

export interface Target {
  origin: string;
  /** `host:port`, for messages. */
  address: string;
  prefix: string;
}

export function targetOf(server: string): Target {
  const url = new URL(server.includes('://') ? server : `https://${server}`);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return { origin: url.origin, address: `${url.hostname}:${port}`, prefix: url.pathname.replace(/\/+$/, '') };
}

/** For node:tls, http2 and ws alike. */
export function tlsOptions(options: HttpsOptions, certificate?: { certificate: string; key: string }) {
  return {
    ...(options.certificateAuthority ? { ca: options.certificateAuthority } : {}),
    ...(options.serverName ? { servername: options.serverName } : {}),
    ...(options.insecureSkipVerify ? { rejectUnauthorized: false } : {}),
    ...(certificate ? { cert: certificate.certificate, key: certificate.key } : {}),
  };
}
