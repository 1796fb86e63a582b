// Asking the authorizer from an expression (apiserver pkg/cel/library/authz.go).
import { nameIsDnsLabel, nameIsDnsSubdomain } from '@tiphys/api';
import type { UserInfo } from '../../wire.ts';
import { type Declared, member } from '../functions.ts';
import { BOOL, STRING, struct } from '../types.ts';
import { CelError, type OpaqueValue, type Value } from '../values.ts';

const none = () => undefined;
const PREFIX = 'kubernetes.authorization.';

export const AUTHORIZER_TYPE = struct(`${PREFIX}Authorizer`, none);
export const PATH_CHECK_TYPE = struct(`${PREFIX}PathCheck`, none);
export const GROUP_CHECK_TYPE = struct(`${PREFIX}GroupCheck`, none);
export const RESOURCE_CHECK_TYPE = struct(`${PREFIX}ResourceCheck`, none);
export const DECISION_TYPE = struct(`${PREFIX}Decision`, none);

export interface AccessQuestion {
  user: UserInfo;
  verb: string;
  /** A path that is no resource's. */
  path?: string;
  group?: string;
  resource?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  fieldSelector?: string;
  labelSelector?: string;
}

export interface AccessAnswer {
  allowed: boolean;
  reason: string;
  error?: string;
}

/** May throw something other than a CelError to be called again when it knows. */
export type AskAccess = (question: AccessQuestion) => AccessAnswer;

abstract class Receiver implements OpaqueValue {
  abstract readonly typeName: string;
  equals(other: Value): boolean {
    return this === other;
  }
}

export class AuthorizerValue extends Receiver {
  readonly typeName = AUTHORIZER_TYPE.name;
  readonly user: UserInfo;
  readonly ask: AskAccess;
  constructor(user: UserInfo, ask: AskAccess) {
    super();
    this.user = user;
    this.ask = ask;
  }
}

class Check extends Receiver {
  readonly typeName: string;
  readonly authorizer: AuthorizerValue;
  readonly question: Omit<AccessQuestion, 'user' | 'verb'>;
  constructor(typeName: string, authorizer: AuthorizerValue, question: Check['question']) {
    super();
    this.typeName = typeName;
    this.authorizer = authorizer;
    this.question = question;
  }
  with(question: Check['question'], typeName = this.typeName): Check {
    return new Check(typeName, this.authorizer, { ...this.question, ...question });
  }
}

class DecisionValue extends Receiver {
  readonly typeName = DECISION_TYPE.name;
  readonly answer: AccessAnswer;
  constructor(answer: AccessAnswer) {
    super();
    this.answer = answer;
  }
}

/** What `authorizer.requestResource` is. */
export const resourceCheck = (authorizer: AuthorizerValue, question: Check['question']): OpaqueValue =>
  new Check(RESOURCE_CHECK_TYPE.name, authorizer, question);

function notEmpty(text: string, what: string): string {
  if (text.trim() === '') throw new CelError(`${what} must not be empty`);
  return text;
}

function serviceAccount(authorizer: AuthorizerValue, namespace: string, name: string): AuthorizerValue {
  if (nameIsDnsSubdomain(name, false).length) throw new CelError('Invalid service account name');
  if (nameIsDnsLabel(namespace, false).length) throw new CelError('Invalid service account namespace');
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return new AuthorizerValue({ name: `system:serviceaccount:${namespace}:${name}`, groups }, authorizer.ask);
}

const check = ({ authorizer, question }: Check, verb: string) =>
  new DecisionValue(authorizer.ask({ ...question, verb, user: authorizer.user }));

const R = RESOURCE_CHECK_TYPE;
const narrowed = (name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector', id: string) =>
  member(name, id, [R, STRING], R, (from: Check, text: string) => from.with({ [name]: text }));

export const AUTHORIZER: readonly Declared[] = [
  member(
    'path',
    'authorizer_path',
    [AUTHORIZER_TYPE, STRING],
    PATH_CHECK_TYPE,
    (authorizer: AuthorizerValue, path: string) => new Check(PATH_CHECK_TYPE.name, authorizer, { path: notEmpty(path, 'path') }),
  ),
  member(
    'group',
    'authorizer_group',
    [AUTHORIZER_TYPE, STRING],
    GROUP_CHECK_TYPE,
    (authorizer: AuthorizerValue, group: string) => new Check(GROUP_CHECK_TYPE.name, authorizer, { group }),
  ),
  member('serviceAccount', 'authorizer_serviceaccount', [AUTHORIZER_TYPE, STRING, STRING], AUTHORIZER_TYPE, serviceAccount),
  member('resource', 'groupcheck_resource', [GROUP_CHECK_TYPE, STRING], R, (from: Check, resource: string) =>
    from.with({ resource: notEmpty(resource, 'resource') }, R.name),
  ),
  narrowed('subresource', 'resourcecheck_subresource'),
  narrowed('namespace', 'resourcecheck_namespace'),
  narrowed('name', 'resourcecheck_name'),
  narrowed('fieldSelector', 'authorizer_fieldselector'),
  narrowed('labelSelector', 'authorizer_labelselector'),
  member('check', 'pathcheck_check', [PATH_CHECK_TYPE, STRING], DECISION_TYPE, check),
  member('check', 'resourcecheck_check', [R, STRING], DECISION_TYPE, check),
  member('errored', 'decision_errored', [DECISION_TYPE], BOOL, ({ answer }: DecisionValue) => answer.error !== undefined),
  member('error', 'decision_error', [DECISION_TYPE], STRING, ({ answer }: DecisionValue) => answer.error ?? ''),
  member('allowed', 'decision_allowed', [DECISION_TYPE], BOOL, ({ answer }: DecisionValue) => answer.allowed),
  member('reason', 'decision_reason', [DECISION_TYPE], STRING, ({ answer }: DecisionValue) => answer.reason),
];
