// Groups that other servers answer for, as APIServices say (kube-aggregator).
import { apiregistrationv1 } from '@tiphys/api';
import type { ApiHandler, ApiResponse } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import { loopback } from '../bootstrap/loopback.ts';
import type { DelegatedVersion } from '../discovery/delegated.ts';
import type { UpgradeHandler } from '../interfaces.ts';
import type { RequestContext } from '../request/context.ts';
import { type ApiService, Backends, keyOf, type ProxyClient } from './backend.ts';
import { AvailabilityController } from './controller.ts';
import { RemoteDocuments } from './documents.ts';
import { passOn, passOnUpgrade } from './proxy.ts';
import { Registration } from './registration.ts';

export type { ProxyClient } from './backend.ts';

const APISERVICES = apiregistrationv1.apiservices;
const GROUP_VERSION = /^(?:\/openapi\/v3)?\/apis\/([^/?]+)\/([^/?]+)(?:[/?]|$)/;

export interface AggregationOptions {
  runtime: Runtime;
  reader: ResourceReader;
  /** How this server shows itself to the servers behind. */
  proxyClient?: ProxyClient;
}

/** What it needs of the server that it is a part of. */
export interface AggregationTarget extends ApiHandler {
  /** Groups that discovery and OpenAPI speak of besides the server's own. */
  delegate(versions: readonly DelegatedVersion[]): void;
}

export interface Aggregation {
  /** undefined: the server answers itself. */
  answer(context: RequestContext): Promise<ApiResponse> | undefined;
  upgradeHandler: UpgradeHandler;
  start(target: AggregationTarget): Promise<void>;
  /** Another certificate for connections from now on. */
  renew(proxyClient: ProxyClient): void;
  stop(): void;
}

export function aggregation({ runtime, reader, proxyClient }: AggregationOptions): Aggregation {
  const { clock, log, random } = runtime;
  const backends = new Backends({ reader, random, proxyClient });
  const documents = new RemoteDocuments({ backends, clock });
  const find = delegatedServices(reader);
  const parts: { stop(): void }[] = [];
  return {
    answer({ info, request, user }) {
      const service = find(info.path);
      return service && passOn(backends, service, request, user);
    },
    upgradeHandler: {
      matches: ({ path }) => find(path) !== undefined,
      upgrade: (request, info, user, socket, head) => passOnUpgrade(backends, find(info.path)!, request, user, socket, head),
    },
    async start(target) {
      const client = loopback(target);
      const changed = () => {
        const services = reader.list(APISERVICES).filter(({ spec }) => spec?.service);
        target.delegate(services.map((each) => documents.version(each)));
      };
      const following = { handler: target, reader, clock, log, client };
      const availability = new AvailabilityController({ ...following, backends, documents, changed });
      const registration = new Registration(following);
      parts.push(availability, registration);
      await Promise.all([availability.start(), registration.start()]);
    },
    renew: (renewed) => backends.renew(renewed),
    stop() {
      for (const part of parts) part.stop();
      backends.close();
    },
  };
}

/** The APIService with a service that a path belongs to; read anew only when one changed. */
function delegatedServices(reader: ResourceReader): (path: string) => ApiService | undefined {
  let seen = -1;
  let services = new Map<string, ApiService>();
  return (path) => {
    const revision = reader.revisionOf(APISERVICES);
    if (revision !== seen) {
      services = new Map(reader.list(APISERVICES).flatMap((each) => (each.spec?.service ? [[keyOf(each), each] as const] : [])));
      seen = revision;
    }
    if (services.size === 0) return undefined;
    const match = GROUP_VERSION.exec(path);
    return match ? services.get(`${match[1]}/${match[2]}`) : undefined;
  };
}
