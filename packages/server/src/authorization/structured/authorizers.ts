// The chain of authorizers, as the file of --authorization-config has it or by default; replaced as a whole when the file changes
// (pkg/kubeapiserver/authorizer/{config,reload}.go).
import type { UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import { nodeOf } from '../../authentication/names.ts';
import { ConfigurationFileError } from '../../configuration-file.ts';
import type { Authorizer } from '../../interfaces.ts';
import { readKubeconfig } from '../../remote/kubeconfig.ts';
import { nodeAuthorizer } from '../node-authorizer.ts';
import { type RbacAuthorizer, rbacAuthorizer } from '../rbac.ts';
import type { ResolvedRules } from '../role-index.ts';
import { superuserAuthorizer, unionAuthorizer } from '../union.ts';
import { type AuthorizerConfiguration, parseAuthorizationConfiguration } from './configuration.ts';
import { type WebhookAuthorizer, webhookAuthorizer } from './webhook-authorizer.ts';

const OLD_KEPT_MS = 60_000;

const DEFAULT: readonly AuthorizerConfiguration[] = [
  { type: 'Node', name: 'node' },
  { type: 'RBAC', name: 'rbac' },
];

/** What somebody may do in a namespace, as far as the authorizers can list it. */
export interface RulesResolver {
  rulesFor(user: UserInfo, namespace: string): ResolvedRules & { incomplete: boolean };
}

export interface Authorization extends RulesResolver {
  authorizer: Authorizer;
  rbac: RbacAuthorizer;
  /** Takes a new text of the configuration file. Throws ConfigurationFileError, and all stays as it was. */
  update(text: string): void;
  close(): void;
}

interface Link extends RulesResolver {
  authorizer: Authorizer;
  close?(): void;
}

const NOTHING: ResolvedRules = { rules: [], errors: [] };
const EVERYTHING: ResolvedRules = {
  rules: [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
  errors: [],
};
const alwaysAllow: Authorizer = { authorize: () => ({ decision: 'allow', reason: '' }) };
const alwaysDeny: Authorizer = { authorize: () => ({ decision: 'noOpinion', reason: 'Everything is forbidden.' }) };

function webhookLink(configuration: Extract<AuthorizerConfiguration, { type: 'Webhook' }>, runtime: Runtime): Link {
  let authorizer: WebhookAuthorizer;
  try {
    const { name, webhook } = configuration;
    authorizer = webhookAuthorizer({ name, configuration: webhook, target: readKubeconfig(webhook.kubeconfigFile), runtime });
  } catch (error) {
    throw new ConfigurationFileError((error as Error).message, { cause: error });
  }
  const errors = ['webhook authorizer does not support user rule resolution'];
  return { authorizer, rulesFor: () => ({ rules: [], errors, incomplete: true }), close: () => authorizer.close() };
}

/** Throws ConfigurationFileError when the text can't be used. */
export function authorizationOf(
  text: string | undefined,
  { reader, runtime }: { reader: ResourceReader; runtime: Runtime },
): Authorization {
  const rbac = rbacAuthorizer(reader);
  const node = nodeAuthorizer(reader);
  const linkOf = (configuration: AuthorizerConfiguration): Link => {
    const complete = (rules: ResolvedRules) => ({ ...rules, incomplete: false });
    switch (configuration.type) {
      case 'RBAC':
        return { authorizer: rbac, rulesFor: (user, namespace) => complete(rbac.rulesFor(user, namespace)) };
      case 'Node': {
        const unlisted = { rules: [], errors: ['node authorizer does not support user rule resolution'], incomplete: true };
        return { authorizer: node, rulesFor: (user) => (nodeOf(user) === undefined ? complete(NOTHING) : unlisted) };
      }
      case 'AlwaysAllow':
        return { authorizer: alwaysAllow, rulesFor: () => complete(EVERYTHING) };
      case 'AlwaysDeny':
        return { authorizer: alwaysDeny, rulesFor: () => complete(NOTHING) };
      case 'Webhook':
        return webhookLink(configuration, runtime);
    }
  };
  const build = (configurations: readonly AuthorizerConfiguration[]) => {
    const links = configurations.map(linkOf);
    const chain = unionAuthorizer([superuserAuthorizer(), ...links.map(({ authorizer }) => authorizer)]);
    return { links, chain };
  };
  const first = text === undefined ? DEFAULT : parseAuthorizationConfiguration(text);
  const required = new Set<string>(first.map(({ type }) => type).filter((type) => type !== 'Webhook'));
  let current = build(first);
  const end = ({ links }: typeof current) => {
    for (const link of links) link.close?.();
  };
  return {
    rbac,
    authorizer: { authorize: (attributes) => current.chain.authorize(attributes) },
    rulesFor(user, namespace) {
      const all = current.links.map((link) => link.rulesFor(user, namespace));
      return {
        rules: all.flatMap(({ rules }) => rules),
        errors: all.flatMap(({ errors }) => errors),
        incomplete: all.some(({ incomplete }) => incomplete),
      };
    },
    update(newText) {
      if (text === undefined) throw new Error('the server was started without an authorization configuration');
      const configurations = parseAuthorizationConfiguration(newText);
      const types = new Set<string>(configurations.map(({ type }) => type));
      const missing = [...required].filter((type) => !types.has(type)).sort();
      if (missing.length > 0) throw new ConfigurationFileError(`missing required types: [${missing.join(' ')}]`);
      const late = [...types].filter((type) => (type === 'Node' || type === 'RBAC') && !required.has(type));
      if (late.length > 0) {
        throw new ConfigurationFileError(`authorizer type ${late[0]} is not allowed if it was not enabled at initial server startup`);
      }
      const old = current;
      current = build(configurations);
      // Questions under way are still theirs to answer.
      runtime.clock.after(OLD_KEPT_MS, () => end(old));
    },
    close: () => end(current),
  };
}
