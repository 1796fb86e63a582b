// The flags that say where an etcd is, named as kube-apiserver's are.
import { resolve } from 'node:path';
import type { ClusterConfiguration } from '@tiphys/cluster';
import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

export interface EtcdFlags {
  etcd?: string;
  etcdCafile?: string;
  etcdCertfile?: string;
  etcdKeyfile?: string;
}

export function withEtcdFlags(command: Command): Command {
  return command
    .option('--etcd <endpoints>', 'keep state in this etcd, which several servers may share; commas between endpoints')
    .option('--etcd-cafile <file>', 'authority of the certificates of etcd')
    .option('--etcd-certfile <file>', 'certificate to show to etcd')
    .option('--etcd-keyfile <file>', 'key of that certificate');
}

/** Only what was given. */
export function etcdConfiguration(flags: EtcdFlags, terminal: Terminal): Partial<ClusterConfiguration> {
  const file = (path: string | undefined) => (path === undefined ? undefined : resolve(terminal.workingFolder, path));
  const all = {
    etcd: flags.etcd,
    etcdAuthorityFile: file(flags.etcdCafile),
    etcdCertificateFile: file(flags.etcdCertfile),
    etcdKeyFile: file(flags.etcdKeyfile),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
