// What an etcd endpoint looks like, for those who only check a configuration.

/** What is wrong with it, or undefined. */
export function endpointProblem(endpoint: string): string | undefined {
  return /^https?:\/\/[^/\s]+:\d+$/.test(endpoint) ? undefined : `"${endpoint}" is no etcd endpoint; they look like https://10.0.0.1:2379`;
}
