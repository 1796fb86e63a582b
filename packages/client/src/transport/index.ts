export { ConnectionError } from './connection-error.ts';
export {
  basic,
  bearer,
  type CredentialSource,
  type ExecPlugin,
  execPlugin,
  fixedIdentity,
  type Identity,
  tokenFile,
} from './credentials.ts';
export { type HttpsHandler, httpsHandler } from './https-handler.ts';
export type { HttpsOptions } from './options.ts';
