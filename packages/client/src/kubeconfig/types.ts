// The kubeconfig file's form (client-go tools/clientcmd/api/v1/types.go).
import type { ExecPlugin } from '../transport/credentials.ts';

export interface KubeconfigCluster {
  server?: string;
  'tls-server-name'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'proxy-url'?: string;
  [unknown: string]: unknown;
}

export interface KubeconfigUser {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  as?: string;
  'as-uid'?: string;
  'as-groups'?: string[];
  'as-user-extra'?: Record<string, string[]>;
  username?: string;
  password?: string;
  exec?: ExecPlugin;
  'auth-provider'?: unknown;
  [unknown: string]: unknown;
}

export interface KubeconfigContext {
  cluster?: string;
  user?: string;
  namespace?: string;
  [unknown: string]: unknown;
}

/** One or several files, merged; every relative path resolved. */
export interface Kubeconfig {
  currentContext: string;
  clusters: Map<string, KubeconfigCluster>;
  users: Map<string, KubeconfigUser>;
  contexts: Map<string, KubeconfigContext>;
  /** The files that were read, in order. */
  files: string[];
}

/** What is wrong with a kubeconfig or its choice, in kubectl's words. Shown without a stack. */
export class KubeconfigError extends Error {
  override name = 'KubeconfigError';
}
