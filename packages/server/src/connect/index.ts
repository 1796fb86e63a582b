// What leaves the API server for nodes and pods: logs, remote commands, port-forward, proxies.
import { invariant } from '@tiphys/std';
import type { SubresourceHandler, UpgradeHandler } from '../interfaces.ts';
import type { ConnectContext } from './context.ts';
import { type KubeletConnector, type KubeletTls, kubeletConnector } from './kubelet.ts';
import { podLogHandler, podLogUpgrade } from './pod-log.ts';
import { podStreamHandlers } from './pod-streams.ts';
import { proxyHandlers } from './proxy.ts';

export type { KubeletTls } from './kubelet.ts';

export interface ConnectOptions extends Omit<ConnectContext, 'kubelet'> {
  kubeletTls: KubeletTls;
}

export interface Connect {
  /** For ApiServerOptions.subresourceHandlers. */
  subresourceHandlers: SubresourceHandler[];
  /** For ApiServerOptions.upgradeHandlers. */
  upgradeHandlers: UpgradeHandler[];
  /** Another certificate for connections from now on. */
  renew(tls: KubeletTls): void;
  close(): void;
}

export function connectHandlers(options: ConnectOptions): Connect {
  let connector: KubeletConnector | undefined;
  let closed = false;
  const { kubeletTls, ...rest } = options;
  let tls = kubeletTls;
  /** Logs may be followed over them still. */
  const retired: KubeletConnector[] = [];
  const context: ConnectContext = {
    ...rest,
    kubelet: () => {
      invariant(!closed, 'a closed server reaches for a node');
      connector ??= kubeletConnector(tls);
      return connector;
    },
  };
  const streams = podStreamHandlers(context);
  const proxies = proxyHandlers(context);
  return {
    subresourceHandlers: [podLogHandler(context), ...streams.subresources, ...proxies.subresources],
    upgradeHandlers: [podLogUpgrade(context), ...streams.upgrades, ...proxies.upgrades],
    renew: (renewed) => {
      tls = renewed;
      if (connector) retired.push(connector);
      connector = undefined;
    },
    close: () => {
      closed = true;
      for (const each of [connector, ...retired]) each?.close();
    },
  };
}
