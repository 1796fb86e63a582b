// The API server with everything a cluster expects of it: authentication, roles, admission, reviews and the objects a
// cluster starts with. createApiServer() is the bare one.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { ApiResponse } from '@tiphys/machinery';
import type { ResourceDefinition, ResourceReader } from '@tiphys/registry';
import { invariant } from '@tiphys/std';
import { type AdmissionConfiguration, defaultAdmission } from './admission/index.ts';
import { type WebhookCaller, webhookCaller } from './admission/webhook/call.ts';
import { aggregation, type ProxyClient } from './aggregation/index.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.ts';
import { type AuthenticationOptions, authenticationOf } from './authentication/assembly.ts';
import { impersonating } from './authentication/impersonation/impersonation.ts';
import { JWKS_CONTENT_TYPE, JWKS_PATH, OPENID_CONFIGURATION_PATH, type TokenSigner } from './authentication/token-signer.ts';
import { escalationCheck } from './authorization/escalation.ts';
import { authorizationOf } from './authorization/structured/authorizers.ts';
import { bootstrapCluster, keepEndpoints } from './bootstrap/bootstrap.ts';
import { type Loopback, loopback } from './bootstrap/loopback.ts';
import type { Advertised } from './bootstrap/objects.ts';
import { serverLeases } from './bootstrap/server-leases.ts';
import { customResourceDefinitionRules, customResources } from './custom-resources/index.ts';
import { keepFlowControl } from './flow-control/ensure.ts';
import type { AdmissionPlugin, Authorizer } from './interfaces.ts';
import { withReviews } from './with-reviews.ts';

export interface StandardServerOptions
  extends AuthenticationOptions,
    Pick<
      ApiServerOptions,
      'runtime' | 'store' | 'subresourceHandlers' | 'upgradeHandlers' | 'flowControl' | 'auditor' | 'encryptionConfiguration'
    > {
  definitions: readonly ResourceDefinition<any>[];
  /** How this server shows itself to aggregated ones. */
  proxyClient?: ProxyClient;
  signer: TokenSigner;
  /** Audiences that mean this server. Default: the signer's issuer. */
  apiAudiences?: readonly string[];
  /** Text of an AuthorizationConfiguration (apiserver.config.k8s.io). Default: Node, then RBAC. */
  authorizationConfiguration?: string;
  /** What admission plugins are told. */
  admissionConfiguration?: AdmissionConfiguration;
  /** Asked after the plugins that every server has. */
  admission?: readonly AdmissionPlugin[];
  serviceCidrs: readonly string[];
  /** How pods reach this server: the endpoints of the Service `kubernetes`. May be given later, when the port is known. */
  advertised?: Advertised;
}

export interface StandardServer extends ApiServer {
  readonly authorizer: Authorizer;
  /** Take new texts of the configuration files that the server was started with. Reject, and all stays, when they can't be used. */
  updateAuthentication(text: string): Promise<void>;
  updateAuthorization(text: string): Promise<void>;
  /** Another certificate to show to aggregated servers. */
  renewProxyClient(proxyClient: ProxyClient): void;
  /** Creates what a cluster starts with and repairs it; call it when the server is ready, before others are let in. */
  bootstrap(advertised?: Advertised): Promise<void>;
}

/** Stages need the server's caches, and the server needs its stages: this reader is given its source once both exist. */
function lateReader(): { reader: ResourceReader; bind(source: ResourceReader): void } {
  let source: ResourceReader | undefined;
  const bound = () => {
    invariant(source, 'the reader is used before the server exists');
    return source;
  };
  return {
    bind: (actual) => {
      source = actual;
    },
    reader: {
      get: <T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string) => bound().get(type, name, namespace),
      list: <T extends KubeObject>(type: ResourceType<T>, namespace?: string) => bound().list(type, namespace),
      revisionOf: (type) => bound().revisionOf(type),
    },
  };
}

interface GateParts {
  reader: ResourceReader;
  client(): Loopback;
  caller: WebhookCaller;
}

/** The stages that judge a request: who asks, may they, and what of it is let in. */
function gatesOf(options: StandardServerOptions, { reader, client, caller }: GateParts) {
  const { runtime, signer, admissionConfiguration } = options;
  const { clock, random } = runtime;
  const apiAudiences = options.apiAudiences ?? [signer.issuer];
  const authorization = authorizationOf(options.authorizationConfiguration, { reader, runtime });
  const { authorizer, rbac } = authorization;
  const authentication = authenticationOf(options, { runtime, reader, signer, apiAudiences, client });
  const reviewParts = { tokens: authentication.tokens, signer, apiAudiences, authorizer, resolver: authorization };
  const configuration = admissionConfiguration ? { configuration: admissionConfiguration } : {};
  return {
    authentication,
    authorization,
    stages: {
      definitions: withReviews(options.definitions.map(withOwnRules), reviewParts),
      authenticators: [impersonating(authentication.authenticator, authorizer)],
      authorizer,
      admission: [
        ...defaultAdmission({ clock, random, authorizer, client, caller, ...configuration }),
        escalationCheck({ authorizer, rbac }),
        ...(options.admission ?? []),
      ],
    },
  };
}

export function createStandardServer(options: StandardServerOptions): StandardServer {
  const { runtime, store, signer } = options;
  const { clock } = runtime;
  const { reader, bind } = lateReader();
  const caller = webhookCaller(runtime);
  const { authentication, authorization, stages } = gatesOf(options, { reader, client: () => client, caller });
  const aggregated = aggregation({ runtime, reader, ...(options.proxyClient ? { proxyClient: options.proxyClient } : {}) });
  const server = createApiServer({
    runtime,
    store,
    ...stages,
    flowControl: options.flowControl ?? {},
    ...(options.auditor ? { auditor: options.auditor } : {}),
    ...(options.encryptionConfiguration ? { encryptionConfiguration: options.encryptionConfiguration } : {}),
    documents: openidDocuments(signer),
    delegation: (context) => aggregated.answer(context),
    ...(options.subresourceHandlers ? { subresourceHandlers: options.subresourceHandlers } : {}),
    upgradeHandlers: [aggregated.upgradeHandler, ...(options.upgradeHandlers ?? [])],
  });
  bind(server.reader);
  const client = loopback(server);
  const custom = customResources(server, { ...runtime, caller });
  let stopEndpoints = async () => {};
  const leases = serverLeases(store);
  let stopFlowControl = () => {};
  const close = async () => {
    await stopEndpoints();
    custom.stop();
    aggregated.stop();
    caller.close();
    authentication.close();
    authorization.close();
    stopFlowControl();
    await server.close();
  };
  return {
    ...server,
    authorizer: authorization.authorizer,
    updateAuthentication: (text) => authentication.update(text),
    updateAuthorization: async (text) => authorization.update(text),
    renewProxyClient: (proxyClient) => aggregated.renew(proxyClient),
    close,
    [Symbol.asyncDispose]: close,
    async bootstrap(advertised = options.advertised) {
      await server.ready;
      const { serviceCidrs, clientCertificateAuthorityPem, trustedProxies } = options;
      const all = {
        handler: server,
        reader: server.reader,
        clock,
        serviceCidrs,
        ...(leases ? { leases } : {}),
        ...(advertised ? { advertised } : {}),
        ...(clientCertificateAuthorityPem ? { clientCertificateAuthorityPem } : {}),
        ...(trustedProxies ? { trustedProxies } : {}),
      };
      await Promise.all([bootstrapCluster(all), custom.start()]);
      await aggregated.start(server);
      stopFlowControl();
      stopFlowControl = keepFlowControl(client, server.reader, runtime);
      await stopEndpoints();
      if (advertised) stopEndpoints = keepEndpoints(all);
    },
  };
}

/** Kinds whose rules are kept beside the server because their objects change what it serves. */
function withOwnRules(definition: ResourceDefinition<any>): ResourceDefinition<any> {
  const { group, resource } = definition.type;
  return group === 'apiextensions.k8s.io' && resource === 'customresourcedefinitions'
    ? customResourceDefinitionRules(definition)
    : definition;
}

/** What others need to check tokens by themselves. */
function openidDocuments(signer: TokenSigner): Record<string, () => ApiResponse> {
  const document = (content: object, type: string) => (): ApiResponse => ({
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' },
    body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(content)) },
  });
  return {
    [JWKS_PATH]: document(signer.jwks(), JWKS_CONTENT_TYPE),
    [OPENID_CONFIGURATION_PATH]: document(signer.openidConfiguration(), 'application/json'),
  };
}
