// Load balancers ask a node's healthCheckNodePort whether it has endpoints of a service whose external traffic policy
// is Local (pkg/proxy/healthcheck/service_health.go).
import { createServer, type Server } from 'node:http';
import type { Logger } from '@tiphys/runtime';

export interface HealthChecks {
  /** What to answer for a service, or undefined when it needs no health check (any more). */
  set(service: string, check: { port: number; localEndpoints: number } | undefined): void;
  close(): Promise<void>;
}

interface Listening {
  port: number;
  localEndpoints: number;
  server: Server;
}

export function startHealthChecks(log: Logger): HealthChecks {
  const listening = new Map<string, Listening>();
  const stop = (service: string) => {
    const entry = listening.get(service);
    listening.delete(service);
    entry?.server.close();
    entry?.server.closeAllConnections();
  };
  const start = (service: string, port: number, localEndpoints: number) => {
    const [namespace, name] = service.split('/');
    const server = createServer((_request, response) => {
      const count = listening.get(service)?.localEndpoints ?? 0;
      response.writeHead(count > 0 ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': String(count),
      });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: count, serviceProxyHealthy: true }));
    });
    server.on('error', (error) => log.error('the health check of a service cannot listen', error, { service, port }));
    server.listen(port);
    server.unref();
    listening.set(service, { port, localEndpoints, server });
  };
  return {
    set: (service, check) => {
      const current = listening.get(service);
      if (current && check && current.port === check.port) {
        current.localEndpoints = check.localEndpoints;
        return;
      }
      if (current) stop(service);
      if (check) start(service, check.port, check.localEndpoints);
    },
    close: async () => {
      for (const service of [...listening.keys()]) stop(service);
    },
  };
}
