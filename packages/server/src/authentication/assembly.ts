// All ways to say who one is, in upstream's order: a front proxy's word, certificates, then tokens: static, service accounts', bootstrap,
// OpenID issuers', and at last the webhook's (pkg/kubeapiserver/authenticator/config.go).
import type { ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import type { Loopback } from '../bootstrap/loopback.ts';
import type { TrustedProxies } from '../bootstrap/objects.ts';
import type { Authenticator } from '../interfaces.ts';
import type { RemoteTarget } from '../remote/kubeconfig.ts';
import {
  audienceAgnostic,
  bearerTokenAuthenticator,
  type StaticToken,
  staticTokenAuthenticator,
  type TokenAuthenticator,
  unionTokenAuthenticator,
} from './bearer-token.ts';
import { bootstrapTokenAuthenticator } from './bootstrap-token.ts';
import { clientCertificateAuthenticator } from './client-certificate.ts';
import { legacyUseRecorder } from './legacy-use.ts';
import { requestHeaderAuthenticator } from './request-header.ts';
import { serviceAccountAuthenticator } from './service-account.ts';
import { structuredAuthentication } from './structured/authenticators.ts';
import type { TokenSigner } from './token-signer.ts';
import { unionAuthenticator } from './union.ts';
import { type ReviewVersion, tokenWebhook } from './webhook-token.ts';

export interface AuthenticationOptions {
  /** PEM of the authority whose client certificates are accepted. */
  clientCertificateAuthorityPem?: string;
  /** Proxies that may say who asks, by headers; also told to aggregated servers, for which this server is one. */
  trustedProxies?: TrustedProxies;
  staticTokens?: readonly StaticToken[];
  /** Whether requests without credentials are served as system:anonymous. Default true, as upstream. */
  anonymous?: boolean;
  /** Text of an AuthenticationConfiguration (apiserver.config.k8s.io); replaced later by updateAuthentication(). */
  authenticationConfiguration?: string;
  tokenWebhook?: { target: RemoteTarget; version?: ReviewVersion; cacheTtlMs?: number };
}

export interface AuthenticationParts {
  /** For what is written down of tokens' use. */
  client(): Loopback;
  runtime: Runtime;
  reader: ResourceReader;
  signer: TokenSigner;
  apiAudiences: readonly string[];
}

export interface Authentication {
  authenticator: Authenticator;
  /** What TokenReviews are answered by. */
  tokens: TokenAuthenticator;
  /** Takes a new text of the configuration file. Rejects with ConfigurationFileError, and all stays as it was. */
  update(text: string): Promise<void>;
  close(): void;
}

/** Throws ConfigurationFileError when the configuration can't be used. */
export function authenticationOf(options: AuthenticationOptions, parts: AuthenticationParts): Authentication {
  const { runtime, reader, signer, apiAudiences } = parts;
  const { clock } = runtime;
  const { authenticationConfiguration: text, clientCertificateAuthorityPem, trustedProxies } = options;
  const structured = text === undefined ? undefined : structuredAuthentication({ text, ownIssuers: [...signer.issuers], ...runtime });
  const webhook = options.tokenWebhook && tokenWebhook({ ...options.tokenWebhook, runtime, apiAudiences });
  const agnostic = (authenticator: TokenAuthenticator) => audienceAgnostic(authenticator, apiAudiences);
  const tokens = unionTokenAuthenticator([
    ...(options.staticTokens?.length ? [agnostic(staticTokenAuthenticator(options.staticTokens))] : []),
    serviceAccountAuthenticator({ signer, reader, clock, apiAudiences, onLegacyUse: legacyUseRecorder(runtime, parts.client) }),
    agnostic(bootstrapTokenAuthenticator({ reader, clock })),
    ...(structured ? [agnostic(structured)] : []),
    ...(webhook ? [webhook] : []),
  ]);
  const authenticators: Authenticator[] = [];
  if (trustedProxies) authenticators.push(requestHeaderAuthenticator({ proxies: trustedProxies, clock }));
  if (clientCertificateAuthorityPem) {
    authenticators.push(clientCertificateAuthenticator({ certificateAuthorityPem: clientCertificateAuthorityPem, clock }));
  }
  authenticators.push(bearerTokenAuthenticator(tokens, apiAudiences));
  const anonymous = structured?.anonymous ?? options.anonymous;
  return {
    authenticator: unionAuthenticator({ authenticators, ...(anonymous === undefined ? {} : { anonymous }) }),
    tokens,
    update: async (newText) => {
      if (!structured) throw new Error('the server was started without an authentication configuration');
      await structured.update(newText);
    },
    close: () => {
      structured?.close();
      webhook?.close();
    },
  };
}
