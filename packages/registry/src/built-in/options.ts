// What a server is told of its built-in resources.

export interface BuiltInOptions {
  /** Range that ClusterIPs are allocated from. */
  serviceCidr?: string;
  /** First and last port of NodePorts. */
  nodePortRange?: readonly [first: number, last: number];
  /** As upstream's --runtime-config: `api/all`, `api/beta`, `api/alpha` or `group/version` to true or false. */
  runtimeConfig?: Readonly<Record<string, boolean>>;
}
