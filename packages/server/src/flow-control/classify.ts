// Which FlowSchema a request belongs to (apiserver pkg/util/flowcontrol/rule.go). The schemas are compiled once, because every
// request is held against them.
import type { flowcontrolv1 } from '@tiphys/api';
import type { UserInfo } from '@tiphys/machinery';
import type { RequestInfo } from '../interfaces.ts';

type Test<T> = (value: T) => boolean;

const ACCOUNT_PREFIX = 'system:serviceaccount:';

/** A list that names the wildcard alone takes everything. */
function oneOf(list: readonly string[] | null | undefined): Test<string> {
  if (list?.length === 1 && list[0] === '*') return () => true;
  if (list?.length === 1) return (value) => value === list[0];
  const known = new Set(list ?? []);
  return (value) => known.has(value);
}

function subjectTest(subject: flowcontrolv1.Subject): Test<UserInfo> {
  const { user, group, serviceAccount } = subject;
  if (subject.kind === 'User' && user) return ({ name }) => user.name === '*' || name === user.name;
  if (subject.kind === 'Group' && group) return group.name === '*' ? () => true : ({ groups }) => groups.includes(group.name);
  if (subject.kind === 'ServiceAccount' && serviceAccount) {
    const start = `${ACCOUNT_PREFIX}${serviceAccount.namespace}:`;
    if (serviceAccount.name === '*') return ({ name }) => name.startsWith(start);
    return ({ name }) => name === start + serviceAccount.name;
  }
  return () => false;
}

function resourceTest(rule: flowcontrolv1.ResourcePolicyRule): Test<RequestInfo> {
  const verb = oneOf(rule.verbs);
  const resource = oneOf(rule.resources);
  const group = oneOf(rule.apiGroups);
  const namespace = oneOf(rule.namespaces);
  return (info) =>
    verb(info.verb) &&
    resource(info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`) &&
    group(info.apiGroup) &&
    (info.namespace === '' ? rule.clusterScope === true : namespace(info.namespace));
}

function pathTest(path: string): Test<string> {
  if (path === '*') return () => true;
  const start = path.replace(/\*$/, '');
  const prefix = start.endsWith('/') ? start : `${start}/`;
  return (asked) => asked === path || asked.startsWith(prefix);
}

function nonResourceTest(rule: flowcontrolv1.NonResourcePolicyRule): Test<RequestInfo> {
  const verb = oneOf(rule.verbs);
  const paths = rule.nonResourceURLs.map(pathTest);
  return (info) => verb(info.verb) && paths.some((test) => test(info.path));
}

/** Tells whether a request matches any rule of the schema. */
export function schemaTest(schema: flowcontrolv1.FlowSchema): (info: RequestInfo, user: UserInfo) => boolean {
  const rules = (schema.spec?.rules ?? []).map((rule) => ({
    subjects: rule.subjects.map(subjectTest),
    resources: (rule.resourceRules ?? []).map(resourceTest),
    paths: (rule.nonResourceRules ?? []).map(nonResourceTest),
  }));
  return (info, user) => {
    for (const { subjects, resources, paths } of rules) {
      if (!subjects.some((test) => test(user))) continue;
      if ((info.isResourceRequest ? resources : paths).some((test) => test(info))) return true;
    }
    return false;
  };
}

/** Schemas in the order in which they are asked: by precedence, then by name. */
export const byPrecedence = (a: flowcontrolv1.FlowSchema, b: flowcontrolv1.FlowSchema): number =>
  (a.spec?.matchingPrecedence ?? 0) - (b.spec?.matchingPrecedence ?? 0) || (a.metadata!.name! < b.metadata!.name! ? -1 : 1);
