// What the API server does over other connections than its own: logs, exec, attach, port-forward and proxies. They need
// the server's caches, and the server needs them; so they are made first and bound later.
import type { ResourceReader } from '@tiphys/registry';
import type { SubresourceHandler, UpgradeHandler } from '@tiphys/server';

export interface Connections {
  subresourceHandlers: readonly SubresourceHandler[];
  upgradeHandlers: readonly UpgradeHandler[];
  bind(reader: ResourceReader): void;
}

export function noConnections(): Connections {
  return { subresourceHandlers: [], upgradeHandlers: [], bind: () => undefined };
}
