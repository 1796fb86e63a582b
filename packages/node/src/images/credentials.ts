// Registry credentials from image pull secrets (pkg/credentialprovider): the longest matching registry wins.
import type { corev1 } from '@tiphys/api';
import type { AuthConfig } from '../cri/generated/cri.ts';
import { repositoryOf } from './reference.ts';

interface DockerEntry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
}

function entriesOf(secret: corev1.Secret): Record<string, DockerEntry> {
  const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  try {
    if (secret.type === 'kubernetes.io/dockerconfigjson') return JSON.parse(text('.dockerconfigjson')).auths ?? {};
    if (secret.type === 'kubernetes.io/dockercfg') return JSON.parse(text('.dockercfg'));
  } catch {
    // A secret that can't be read gives no credentials, as upstream has it.
  }
  return {};
}

const normalize = (registry: string) =>
  registry
    .replace(/^https?:\/\//, '')
    .replace(/\/(v1|v2)?\/?$/, '')
    .replace(/^index\.docker\.io/, 'docker.io');

function matches(registry: string, repository: string): boolean {
  const [host, ...path] = registry.split('/');
  const [imageHost, ...imagePath] = repository.split('/');
  const hostMatches = host!.startsWith('*.') ? imageHost!.endsWith(host!.slice(1)) : host === imageHost;
  return hostMatches && imagePath.join('/').startsWith(path.join('/'));
}

export function credentialsFor(image: string, secrets: readonly corev1.Secret[]): AuthConfig | undefined {
  const repository = repositoryOf(image);
  const found = secrets
    .flatMap((secret) => Object.entries(entriesOf(secret)))
    .map(([registry, entry]) => [normalize(registry), entry] as const)
    .filter(([registry]) => matches(registry, repository))
    .sort(([a], [b]) => b.length - a.length)[0];
  if (!found) return undefined;
  const [registry, entry] = found;
  const [username = '', password = ''] = entry.auth
    ? splitOnce(Buffer.from(entry.auth, 'base64').toString('utf8'))
    : [entry.username, entry.password];
  return { username, password, serverAddress: registry, ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}) };
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf(':');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}
