// What every command that talks to a cluster needs: its connection flags, a client, and requests that fail in kubectl's words.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Connection, connectionFromKubeconfig, errorFromStatus } from '@tiphys/client';
import { type Command, Option } from 'commander';
import { defaultDataDir } from '../data-dir.ts';
import type { Terminal } from '../terminal.ts';
import type { Discovery } from './discovery.ts';

export interface ConnectionFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  as?: string;
  asGroup?: string[];
}

export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

export function withConnection(command: Command): Command {
  return command
    .option('-n, --namespace <namespace>', "namespace to look in (default: the context's, else default)")
    .option('--kubeconfig <file>', "kubeconfig file (default: $KUBECONFIG, else this machine's tiphys cluster, else ~/.kube/config)")
    .option('--context <name>', 'context of the kubeconfig to use')
    .addOption(new Option('--as <user>', 'user to impersonate').hideHelp())
    .addOption(new Option('--as-group <group>', 'group to impersonate; may be repeated').argParser(collect).hideHelp());
}

export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
}

export interface Session {
  terminal: Terminal;
  connection: Connection;
  namespace: string;
  /** -n was given: objects of another namespace are refused. */
  namespaceGiven: boolean;
  /** The decoded answer; rejects with the server's refusal. */
  call<T = any>(method: string, url: string, options?: CallOptions): Promise<T>;
  discovery(): Promise<Discovery>;
}

/** The file to use when none is named: the environment's, else that of the cluster on this machine. */
export function kubeconfigPath(flags: ConnectionFlags, terminal: Terminal): string | undefined {
  if (flags.kubeconfig) return flags.kubeconfig;
  if (terminal.environment.KUBECONFIG || flags.context) return undefined;
  const own = join(defaultDataDir(terminal), 'kubeconfig');
  return existsSync(own) ? own : undefined;
}

export function withQuery(url: string, query: CallOptions['query'] = {}): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== '' && value !== false)
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return parts.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${parts.join('&')}`;
}

export function openSession(flags: ConnectionFlags, terminal: Terminal): Session {
  const path = kubeconfigPath(flags, terminal);
  const connection = connectionFromKubeconfig({
    environment: terminal.environment,
    userAgent: 'tiphys',
    onWarning: (text) => terminal.error(`Warning: ${text}\n`),
    ...(path ? { path } : {}),
    ...(flags.context ? { context: flags.context } : {}),
  });
  const client = flags.as ? connection.client.as({ name: flags.as, groups: flags.asGroup ?? [] }) : connection.client;
  let discovery: Promise<Discovery> | undefined;
  const session: Session = {
    terminal,
    connection: { ...connection, client },
    namespace: flags.namespace || connection.namespace,
    namespaceGiven: Boolean(flags.namespace),
    call: async (method, url, options = {}) => {
      const { status, body } = await client.raw(method, withQuery(url, options.query), options.body, options.headers);
      if (status >= 400) throw errorFromStatus(body, status);
      return body as any;
    },
    discovery: () => {
      discovery ??= import('./discovery.ts').then(({ discover }) => discover(session));
      return discovery;
    },
  };
  return session;
}

/** Opens a session for some work and closes it whatever happens. */
export async function inSession<T>(flags: ConnectionFlags, terminal: Terminal, work: (session: Session) => Promise<T>): Promise<T> {
  const session = openSession(flags, terminal);
  try {
    return await work(session);
  } finally {
    await session.connection.client.close();
    await session.connection.handler.close();
  }
}
