// Who may ask the node's server for what: client certificates of the cluster's authority, or bearer tokens that the API
// server vouches for; then the API server's authorization for the node. Follows pkg/kubelet/server/auth.go.
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { authenticationv1, authorizationv1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { UserInfo } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import { HttpError } from './http-error.ts';

export interface AccessOptions {
  clock: Clock;
  nodeName: string;
  /** For token and access reviews. Without it only certificates are known, and only system:masters may do anything. */
  client?: Client;
}

export interface AccessRequest {
  method: string;
  path: string;
  socket: TLSSocket;
  authorization: string | undefined;
}

const ADMINISTRATORS = 'system:masters';
const TOKEN_CACHE_MS = 120_000;
const ALLOWED_CACHE_MS = 300_000;
const REFUSED_CACHE_MS = 30_000;
const CACHE_ENTRIES_MAX = 1000;

const VERBS: Record<string, string> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

const isBelow = (path: string, root: string) => path === root || path.startsWith(`${root}/`);

/** The subresources of the node that a path needs; one allowed suffices. */
export function subresourcesOf(path: string): string[] {
  const finer: [string, string][] = [
    ['/pods', 'pods'],
    ['/healthz', 'healthz'],
    ['/configz', 'configz'],
    ['/runningpods', 'pods'],
  ];
  const own: [string, string][] = [
    ['/stats', 'stats'],
    ['/metrics', 'metrics'],
    ['/logs', 'log'],
    ['/checkpoint', 'checkpoint'],
  ];
  const found = finer.find(([root]) => isBelow(path, root));
  const last = own.find(([root]) => isBelow(path, root));
  return [...(found ? [found[1]] : []), last ? last[1] : 'proxy'];
}

/** The user of a client certificate that the TLS layer has verified. */
function certificateUser(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const subject = socket.getPeerCertificate().subject as unknown as Record<string, string | string[]> | undefined;
  if (!subject?.CN) return undefined;
  return { name: String(subject.CN), groups: [subject.O ?? []].flat() };
}

/** Remembers answers for a while, dropping the oldest when there are too many. */
class ShortMemory<T> {
  readonly #entries = new Map<string, { value: T; untilMs: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.untilMs > this.#clock.monotonicMs() ? entry.value : undefined;
  }

  set(key: string, value: T, forMs: number) {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + forMs });
    if (this.#entries.size > CACHE_ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!);
  }
}

export class Access {
  readonly #options: AccessOptions;
  readonly #tokens: ShortMemory<UserInfo>;
  readonly #decisions: ShortMemory<boolean>;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#tokens = new ShortMemory(options.clock);
    this.#decisions = new ShortMemory(options.clock);
  }

  /** Resolves when the request may go on. Throws HttpError 401 or 403. */
  async check(request: AccessRequest): Promise<UserInfo> {
    const user = certificateUser(request.socket) ?? (await this.#tokenUser(request.authorization));
    if (!user) throw new HttpError(401, 'Unauthorized');
    if (user.groups.includes(ADMINISTRATORS)) return user;
    const verb = VERBS[request.method] ?? '';
    const subresources = subresourcesOf(request.path);
    for (const subresource of subresources) {
      if (await this.#isAllowed(user, verb, subresource)) return user;
    }
    const list = subresources.join(' ');
    throw new HttpError(403, `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${list}])`);
  }

  async #tokenUser(authorization: string | undefined): Promise<UserInfo | undefined> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
    if (!token || !this.#options.client) return undefined;
    const key = createHash('sha256').update(token).digest('hex');
    const known = this.#tokens.get(key);
    if (known) return known;
    const review = await this.#options.client.of(authenticationv1.tokenreviews).create({ spec: { token } });
    const { authenticated, user } = review.status ?? {};
    if (!authenticated || !user) return undefined;
    const found: UserInfo = {
      name: user.username ?? '',
      groups: user.groups ?? [],
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra ? { extra: user.extra } : {}),
    };
    this.#tokens.set(key, found, TOKEN_CACHE_MS);
    return found;
  }

  async #isAllowed(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    if (!this.#options.client) return false;
    const key = JSON.stringify([user, verb, subresource]);
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource, name: this.#options.nodeName };
    const review = await this.#options.client.of(authorizationv1.subjectaccessreviews).create({
      spec: {
        user: user.name,
        groups: [...user.groups],
        ...(user.uid ? { uid: user.uid } : {}),
        ...(user.extra ? { extra: Object.fromEntries(Object.entries(user.extra).map(([name, values]) => [name, [...values]])) } : {}),
        resourceAttributes,
      },
    });
    const allowed = review.status?.allowed ?? false;
    this.#decisions.set(key, allowed, allowed ? ALLOWED_CACHE_MS : REFUSED_CACHE_MS);
    return allowed;
  }
}
