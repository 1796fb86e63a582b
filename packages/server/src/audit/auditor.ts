// Follows requests through their stages and tells the backends of them (apiserver endpoints/filters/audit.go, pkg/audit/request.go).
import { decodeConfiguration, type KubeObject } from '@tiphys/api';
import type { ApiRequest, ApiResponse, StatusError, UserInfo } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { RequestInfo } from '../interfaces.ts';
import { type AuditBackend, type AuditEvent, type AuditUser, microTime } from './event.ts';
import type { AuditPolicy, AuditRule, AuditStage } from './policy.ts';

const USER_AGENT_LENGTH_MAX = 1024;
const TRUNCATED = '...TRUNCATED';

const userOf = ({ name, uid, groups, extra }: UserInfo): AuditUser => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

function sourcesOf({ headers, peer }: ApiRequest): string[] {
  const forwarded = (headers['x-forwarded-for'] ?? '').split(',').map((each) => each.trim());
  const all = [...forwarded, headers['x-real-ip'] ?? '', peer?.address.replace(/^::ffff:/, '') ?? ''].filter((each) => each !== '');
  // The last proxy may have said its own address already.
  return all.filter((each, i) => all.indexOf(each) === i);
}

function agentOf({ headers }: ApiRequest): string | undefined {
  const agent = headers['user-agent'];
  return agent && agent.length > USER_AGENT_LENGTH_MAX ? agent.slice(0, USER_AGENT_LENGTH_MAX) + TRUNCATED : agent;
}

/** A copy as it is now: the verbs go on changing the object. */
function recorded(object: unknown, omitManagedFields: boolean): unknown {
  const copy = JSON.parse(JSON.stringify(object));
  if (omitManagedFields) {
    for (const each of [copy, ...(Array.isArray(copy?.items) ? copy.items : [])]) if (each?.metadata) delete each.metadata.managedFields;
  }
  return copy;
}

/** The body of a patch or a deletion, which nobody decodes into an object of the resource. */
function bodyOf({ body }: ApiRequest): unknown {
  if (!(body instanceof Uint8Array)) return body;
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  try {
    return JSON.parse(text);
  } catch {
    try {
      return decodeConfiguration(text).value;
    } catch {
      return undefined;
    }
  }
}

const RAW_BODIES = new Set(['patch', 'delete', 'deletecollection']);

/** One request that is written down. */
export class Audited {
  readonly rule: AuditRule;
  readonly #auditor: Auditor;
  readonly #request: ApiRequest;
  readonly #annotations = new Map<string, string>();
  readonly #event: AuditEvent;
  #ended = false;

  constructor(auditor: Auditor, rule: AuditRule, request: ApiRequest, info: RequestInfo, user: UserInfo | undefined, receivedMs: number) {
    this.#auditor = auditor;
    this.rule = rule;
    this.#request = request;
    const agent = agentOf(request);
    const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
    const reference = Object.entries({ resource, namespace, name, apiGroup, apiVersion, subresource }).filter(([, value]) => value !== '');
    const caller = user && auditor.callerBehind(user);
    const sources = sourcesOf(request);
    this.#event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: rule.level,
      auditID: request.headers['audit-id'] || auditor.runtime.random.uuid(),
      stage: 'RequestReceived',
      requestURI: request.url,
      verb: info.verb,
      user: user ? userOf(caller?.user ?? user) : {},
      ...(caller ? { impersonatedUser: userOf(user!) } : {}),
      ...(caller?.constraint ? { authenticationMetadata: { impersonationConstraint: caller.constraint } } : {}),
      ...(sources.length > 0 ? { sourceIPs: sources } : {}),
      ...(agent ? { userAgent: agent } : {}),
      ...(info.isResourceRequest ? { objectRef: Object.fromEntries(reference) } : {}),
      requestReceivedTimestamp: microTime(receivedMs),
      stageTimestamp: '',
    };
    if (this.#includes('Request') && RAW_BODIES.has(info.verb) && request.body !== undefined) {
      const body = bodyOf(request);
      if (body !== undefined) this.#event.requestObject = recorded(body, rule.omitManagedFields);
    }
  }

  /** The first value of a key stays. `least`: only from that level on. */
  annotate(key: string, value: string, least: 'Metadata' | 'Request' = 'Metadata'): void {
    if (least === 'Request' && !this.#includes('Request')) return;
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  }

  /** The object that the request carries, decoded and with its defaults. */
  requestObject(object: KubeObject): void {
    const reference = this.#event.objectRef;
    if (reference) {
      const { name, namespace, uid, resourceVersion } = object.metadata ?? {};
      if (!reference.name && name) reference.name = name;
      if (!reference.namespace && namespace) reference.namespace = namespace;
      if (!reference.uid && uid) reference.uid = uid;
      if (!reference.resourceVersion && resourceVersion) reference.resourceVersion = resourceVersion;
    }
    if (this.#includes('Request')) this.#event.requestObject = recorded(object, this.rule.omitManagedFields);
  }

  received(): void {
    this.#tell('RequestReceived');
  }

  /** The answer's head is on its way; more will follow as long as the caller likes. */
  started(code: number): void {
    this.#event.responseStatus = { metadata: {}, code };
    this.#tell('ResponseStarted');
  }

  completed(response: Pick<ApiResponse, 'status' | 'body'>): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#answered(response);
    this.#tell('ResponseComplete');
  }

  /** Whoever asked could not be told from others. */
  unauthenticated(error: StatusError): void {
    const { status, reason, code } = error.status();
    this.#event.responseStatus = { metadata: {}, status: status!, message: attempted(this.#request), reason: reason!, code: code! };
    this.#tell('ResponseStarted');
  }

  #answered({ status, body }: Pick<ApiResponse, 'status' | 'body'>): void {
    this.#event.responseStatus ??= { metadata: {}, code: status };
    if (body.kind !== 'object') return;
    const { object } = body;
    if (object.kind === 'Status') {
      const { status: outcome, message, reason, details } = object as unknown as NonNullable<AuditEvent['responseStatus']>;
      this.#event.responseStatus = {
        metadata: {},
        ...(outcome ? { status: outcome } : {}),
        ...(message ? { message } : {}),
        ...(reason ? { reason } : {}),
        ...(details ? { details } : {}),
        code: status,
      };
    }
    if (this.rule.level === 'RequestResponse') this.#event.responseObject = recorded(object, this.rule.omitManagedFields);
  }

  #includes(level: 'Request'): boolean {
    return this.rule.level === level || this.rule.level === 'RequestResponse';
  }

  #tell(stage: AuditStage): void {
    if (this.rule.omitStages.has(stage)) return;
    const annotations = this.#annotations.size > 0 ? { annotations: Object.fromEntries([...this.#annotations].sort()) } : {};
    const stageTimestamp = microTime(this.#auditor.runtime.clock.now());
    this.#auditor.write({
      ...this.#event,
      ...(this.#event.objectRef ? { objectRef: { ...this.#event.objectRef } } : {}),
      stage,
      stageTimestamp,
      ...annotations,
    });
  }
}

/** Which credentials were tried (endpoints/filters/authn_audit.go). */
function attempted({ headers, url, peer }: ApiRequest): string {
  const [scheme = '', credential] = (headers.authorization ?? '').trim().split(' ');
  const methods: string[] = [];
  if (/^basic$/i.test(scheme) && credential) methods.push('basic');
  if (/^bearer$/i.test(scheme) && credential) methods.push('bearer');
  if (/[?&]access_token=[^&]/.test(url)) methods.push('access_token');
  if (peer?.certificateChain?.length) methods.push('x509');
  return methods.length > 0 ? `Authentication failed, attempted: ${methods.join(', ')}` : 'Authentication failed, no credentials provided';
}

export interface Caller {
  user: UserInfo;
  constraint?: string;
}

export interface AuditorOptions {
  runtime: Runtime;
  policy: AuditPolicy;
  backends: readonly AuditBackend[];
  /** Who acts as this user, if somebody else does. */
  callerBehind?(user: UserInfo): Caller | undefined;
}

export class Auditor {
  readonly runtime: Runtime;
  readonly #options: AuditorOptions;
  events = 0;

  constructor(options: AuditorOptions) {
    this.runtime = options.runtime;
    this.#options = options;
  }

  /** undefined: the policy wants nothing of this request. */
  begin(request: ApiRequest, info: RequestInfo, user: UserInfo | undefined, receivedMs: number): Audited | undefined {
    const rule = this.#options.policy.ruleFor(info, user && (this.callerBehind(user)?.user ?? user));
    return rule && new Audited(this, rule, request, info, user, receivedMs);
  }

  callerBehind(user: UserInfo): Caller | undefined {
    return this.#options.callerBehind?.(user);
  }

  write(event: AuditEvent): void {
    this.events++;
    for (const backend of this.#options.backends) backend.write(event);
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.backends.map((backend) => backend.close()));
  }
}
