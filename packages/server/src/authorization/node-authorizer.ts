// Nodes may do what running their own pods takes, and no more (plugin/pkg/auth/authorizer/node/node_authorizer.go, v1.36).
import { parseFieldSelector } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import { nodeOf } from '../authentication/names.ts';
import type { AuthorizationAttributes, Authorizer, Decision } from '../interfaces.ts';
import { RELATIONS, type Relation } from './node-relations.ts';
import { COMPONENT_ROLES } from './policy/component-roles.ts';
import { RuleTable } from './rule-table.ts';

const ALLOW: Decision = Object.freeze({ decision: 'allow', reason: '' });
const refuse = (reason = ''): Decision => ({ decision: 'noOpinion', reason });

const READ = ['get', 'list', 'watch'];
const OWN_OBJECT = ['get', 'create', 'update', 'patch', 'delete'];
const LEASE_NAMESPACE = 'kube-node-lease';

export function nodeAuthorizer(reader: ResourceReader): Authorizer {
  const general = new RuleTable();
  for (const rule of COMPONENT_ROLES.find((role) => role.name === 'system:node')!.rules) general.add(rule, 'node');
  return {
    authorize(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return refuse();
      if (node === '') return refuse(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
      const special = attributes.isResourceRequest ? SPECIAL[groupResourceOf(attributes)] : undefined;
      if (special) return special({ reader, node, attributes });
      const allowed = attributes.isResourceRequest ? general.allows(attributes) : general.allowsPath(attributes.verb, attributes.path);
      return allowed === undefined ? refuse() : ALLOW;
    },
  };
}

interface Question {
  reader: ResourceReader;
  node: string;
  attributes: AuthorizationAttributes;
}

const groupResourceOf = ({ apiGroup, resource }: AuthorizationAttributes) => (apiGroup === '' ? resource : `${resource}.${apiGroup}`);

function related({ reader, node, attributes }: Question, relation: Relation): Decision {
  if (attributes.name === '') return refuse('No Object name found');
  if (relation(reader, node, attributes.namespace, attributes.name)) return ALLOW;
  return refuse(`no relationship found between node '${node}' and this object`);
}

const readNamespaced =
  (relation: Relation) =>
  (question: Question): Decision => {
    const { verb, subresource, namespace } = question.attributes;
    if (!READ.includes(verb)) return refuse('can only read resources of this type');
    if (subresource !== '') return refuse('cannot read subresource');
    if (namespace === '') return refuse('can only read namespaced object of this type');
    return related(question, relation);
  };

const getOnly =
  (relation: Relation) =>
  (question: Question): Decision => {
    if (question.attributes.verb !== 'get') return refuse('can only get individual resources of this type');
    if (question.attributes.subresource !== '') return refuse('cannot get subresource');
    return related(question, relation);
  };

/** Whether the request's field selector demands `field=value`. */
function selects({ fieldSelector }: AuthorizationAttributes, field: string, value: string): boolean {
  if (!fieldSelector) return false;
  try {
    return parseFieldSelector(fieldSelector).terms.some((term) => term.field === field && term.operator !== '!=' && term.value === value);
  } catch {
    return false;
  }
}

function claim(question: Question): Decision {
  const { verb, subresource } = question.attributes;
  if (subresource !== 'status') return getOnly(RELATIONS.claim)(question);
  return verb === 'update' || verb === 'patch' ? related(question, RELATIONS.claim) : refuse('can only get/update/patch this type');
}

function account(question: Question): Decision {
  const { verb, subresource, name } = question.attributes;
  if (verb === 'get' && subresource === '') return readNamespaced(RELATIONS.serviceAccount)(question);
  if (verb !== 'create' || name === '') return refuse('can only create tokens for individual service accounts');
  if (subresource !== 'token') return refuse('can only create token subresource of serviceaccount');
  return related(question, RELATIONS.serviceAccount);
}

function lease({ node, attributes: { verb, namespace, name } }: Question): Decision {
  if (!OWN_OBJECT.includes(verb)) return refuse('can only get, create, update, patch, or delete a node lease');
  if (namespace !== LEASE_NAMESPACE) return refuse(`can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`);
  if (verb !== 'create' && name !== node) return refuse('can only access node lease with the same name as the requesting node');
  return ALLOW;
}

function csiNode({ node, attributes: { verb, subresource, name } }: Question): Decision {
  if (!OWN_OBJECT.includes(verb)) return refuse('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return refuse('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node) return refuse('can only access CSINode with the same name as the requesting node');
  return ALLOW;
}

function resourceSlice(question: Question): Decision {
  const { verb, subresource } = question.attributes;
  if (subresource !== '') return refuse('cannot authorize ResourceSlice subresources');
  if (verb === 'create') return ALLOW;
  if (['get', 'update', 'patch', 'delete'].includes(verb)) return related(question, RELATIONS.resourceSlice);
  if (!['watch', 'list', 'deletecollection'].includes(verb)) {
    return refuse(
      'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
    );
  }
  if (selects(question.attributes, 'spec.nodeName', question.node)) return ALLOW;
  return refuse('can only list/watch/deletecollection resourceslices with nodeName field selector');
}

function node({ node: own, attributes: { verb, subresource, name } }: Question): Decision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : refuse();
  if (subresource !== '') return refuse();
  if (['create', 'update', 'patch'].includes(verb)) return ALLOW;
  if (!READ.includes(verb)) return refuse();
  if (name === own) return ALLOW;
  if (name === '') return refuse(`node '${own}' cannot read all nodes, only its own Node object`);
  return refuse(`node '${own}' cannot read '${name}', only its own Node object`);
}

function pod(question: Question): Decision {
  const { verb, subresource, name } = question.attributes;
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : refuse();
  if (subresource === 'eviction') return verb === 'create' ? ALLOW : refuse();
  if (subresource !== '') return refuse();
  if (verb === 'get') return getOnly(RELATIONS.pod)(question);
  if (verb === 'create' || verb === 'delete') return ALLOW;
  if (verb !== 'list' && verb !== 'watch') return refuse();
  if (selects(question.attributes, 'spec.nodeName', question.node)) return ALLOW;
  return name === '' ? refuse('can only list/watch pods with spec.nodeName field selector') : related(question, RELATIONS.pod);
}

const SPECIAL: Record<string, (question: Question) => Decision> = {
  secrets: readNamespaced(RELATIONS.secret),
  configmaps: readNamespaced(RELATIONS.configMap),
  persistentvolumeclaims: claim,
  persistentvolumes: getOnly(RELATIONS.volume),
  'resourceclaims.resource.k8s.io': getOnly(RELATIONS.resourceClaim),
  'volumeattachments.storage.k8s.io': getOnly(RELATIONS.attachment),
  serviceaccounts: account,
  'leases.coordination.k8s.io': lease,
  'csinodes.storage.k8s.io': csiNode,
  'resourceslices.resource.k8s.io': resourceSlice,
  nodes: node,
  pods: pod,
};
