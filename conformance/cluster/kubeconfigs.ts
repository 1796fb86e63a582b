// Files by which upstream's programs find the server, and as whom they come.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Invitation, Parts, Server } from './parts.ts';

interface Kubeconfig {
  clusters: { cluster: { server: string } }[];
  users: { user: { as?: string } }[];
}

/** The administrator's, who acts as somebody else; `url` where the server is to be found from another machine. */
export function kubeconfigAs({ programs }: Parts, server: Server, user: string, url?: string): string {
  const kubeconfig = parse(readFileSync(server.kubeconfig, 'utf8')) as Kubeconfig;
  for (const each of kubeconfig.users) each.user.as = user;
  if (url !== undefined) for (const { cluster } of kubeconfig.clusters) cluster.server = url;
  const file = `${user.replaceAll(':', '-')}.json`;
  programs.write(file, JSON.stringify(kubeconfig));
  return join(programs.directory, file);
}

/** With the token alone, for TLS bootstrap. */
export function bootstrapKubeconfig({ programs }: Parts, server: Server, invitation: Invitation, name: string): string {
  const file = `bootstrap-${name}.json`;
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: invitation.server, 'certificate-authority': server.authorityFile } }],
    users: [{ name: 'u', user: { token: invitation.token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  programs.write(file, JSON.stringify(kubeconfig));
  return join(programs.directory, file);
}
