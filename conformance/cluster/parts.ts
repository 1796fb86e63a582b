// What the parts of a cluster are given, and what they tell each other.
import { join } from 'node:path';
import type { Programs } from '../../tools/upstream/programs.ts';
import type { Machine } from './lab.ts';
import type { Setup } from './setup.ts';

export interface Parts {
  peers: string;
  setup: Setup;
  /** The first runs the server, and this program. */
  machines: readonly Machine[];
  /** Of this cluster alone; removed at the end. */
  scratch: string;
  /** A folder with a `HOST/hosts.toml` for each registry with a mirror: containerd's `config_path`. */
  registries: string;
  /** Upstream's, in the folder beside. */
  programs: Programs;
  /** What is to be done at the end, last first. */
  stack: AsyncDisposableStack;
}

/** With which a machine can join: what `tiphys token create` tells. */
export interface Invitation {
  /** Such as https://192.0.2.1:6443. */
  server: string;
  token: string;
  authorityHash: string;
}

export interface Server {
  /** An administrator's. */
  kubeconfig: string;
  /** Files in PEM: the cluster's authority with its key, and the key that signs tokens of service accounts. */
  authorityFile: string;
  authorityKeyFile: string;
  accountKeyFile: string;
  /** Whether the first machine is a node already. */
  hasFirstNode: boolean;
  invite(): Promise<Invitation>;
}

export const POD_CIDR = '10.244.0.0/16';
export const SERVICE_CIDR = '10.96.0.0/12';
export const CLUSTER_DOMAIN = 'cluster.local';

export const kubectlOf = ({ peers }: Parts, { kubeconfig }: Server): readonly string[] => [
  join(peers, 'kubectl'),
  `--kubeconfig=${kubeconfig}`,
];
