// Nodes write their own objects only (plugin/pkg/admission/noderestriction, v1.36).
import { isDeepStrictEqual } from 'node:util';
import { type authenticationv1, corev1, type KubeObject, resourcev1, storagev1 } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import { nodeOf } from '../authentication/names.ts';
import { claimNames } from '../authorization/node-relations.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../interfaces.ts';
import { forbidden, isMirrorPod, MIRROR_POD_ANNOTATION } from './attributes.ts';
import { commonNameOf, organizationsOf } from './certificate-request.ts';
import { podConfigMapNames, podSecretNames } from './pod-secrets.ts';

const quoted = JSON.stringify;
const plain = (value: unknown) => JSON.parse(JSON.stringify(value ?? null));
const differ = (a: unknown, b: unknown) => !isDeepStrictEqual(plain(a), plain(b));
const LEASE_NAMESPACE = 'kube-node-lease';

type Check = (attributes: AdmissionAttributes, node: string, authorizer: Authorizer) => void | Promise<void>;

export function nodeRestriction(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    admit(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined || attributes.operation === 'CONNECT') return;
      if (node === '') throw forbidden(attributes, `could not determine node from user ${quoted(attributes.user.name)}`);
      const { group, resource } = attributes.type;
      return CHECKS[group === '' ? resource : `${resource}.${group}`]?.(attributes, node, authorizer);
    },
  };
}

function existingPod(attributes: AdmissionAttributes, name: string): corev1.Pod {
  const pod = attributes.reader.get(corev1.pods, name, attributes.namespace);
  if (!pod) throw statusError.notFound({ group: '', resource: 'pod' }, name);
  return pod;
}

const pods: Check = (attributes, node) => {
  const { operation, subresource, name } = attributes;
  const refuse = (why: string) => forbidden(attributes, why);
  if (subresource === 'status') return podStatus(attributes, node);
  if (subresource === 'eviction') {
    if (operation !== 'CREATE') throw refuse(`unexpected operation ${operation}`);
    if (existingPod(attributes, name).spec?.nodeName !== node)
      throw refuse(`node ${node} can only evict pods with spec.nodeName set to itself`);
    return;
  }
  if (subresource !== '') throw refuse(`unexpected pod subresource ${quoted(subresource)}, only 'status' and 'eviction' are allowed`);
  if (operation === 'CREATE') return mirrorPod(attributes, node);
  if (operation !== 'DELETE')
    throw refuse(`unexpected operation ${quoted(operation)}, node ${quoted(node)} can only create and delete mirror pods`);
  // Collections are deleted pod by pod, each with its own name.
  if (name !== '' && existingPod(attributes, name).spec?.nodeName !== node) {
    throw refuse(`node ${quoted(node)} can only delete pods with spec.nodeName set to itself`);
  }
};

function mirrorPod(attributes: AdmissionAttributes, node: string): void {
  const pod = attributes.object as corev1.Pod;
  const refuse = (why: string) => forbidden(attributes, why);
  const own = `node ${quoted(node)} can only create pods with`;
  if (!isMirrorPod(pod)) {
    throw refuse(`pod does not have ${quoted(MIRROR_POD_ANNOTATION)} annotation, node ${quoted(node)} can only create mirror pods`);
  }
  if (pod.spec?.nodeName !== node) throw refuse(`${own} spec.nodeName set to itself`);
  const [owner, ...others] = pod.metadata?.ownerReferences ?? [];
  if (others.length > 0) throw refuse(`${own} a single owner reference set to itself`);
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) throw refuse(`${own} an owner reference set to itself`);
  if (!owner.controller) throw refuse(`${own} a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion) throw refuse(`node ${quoted(node)} must not set blockOwnerDeletion on an owner reference`);
  const found = attributes.reader.get(corev1.nodes, node);
  if (!found) throw statusError.notFound(corev1.nodes, node);
  if (found.metadata?.uid !== owner.uid) throw refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata?.uid}`);
  const referenced = referencedKind(pod);
  if (referenced) throw refuse(`node ${quoted(node)} can not create pods that reference ${referenced}`);
}

function referencedKind(pod: corev1.Pod): string | undefined {
  const spec = pod.spec!;
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (podSecretNames(pod).size > 0) return 'secrets';
  if (podConfigMapNames(pod).size > 0) return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    if (volume.csi) return 'csidrivers (via CSI volumes)';
    if (volume.glusterfs) return 'endpoints (via glusterFS volumes)';
    if (volume.persistentVolumeClaim) return 'persistentvolumeclaims';
    if (volume.ephemeral) return 'persistentvolumeclaims (via ephemeral volumes)';
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) return 'serviceaccounts (via projected volumes)';
      if (source.clusterTrustBundle) return 'clustertrustbundles';
      if (source.podCertificate) return 'podcertificates';
    }
  }
  return undefined;
}

function podStatus(attributes: AdmissionAttributes, node: string): void {
  if (attributes.operation !== 'UPDATE') throw forbidden(attributes, `unexpected operation ${quoted(attributes.operation)}`);
  const [old, pod] = [attributes.oldObject as corev1.Pod, attributes.object as corev1.Pod];
  const refuse = (why: string) => forbidden(attributes, `node ${quoted(node)} ${why}`);
  if (old.spec?.nodeName !== node) throw refuse('can only update pod status for pods with spec.nodeName set to itself');
  if (differ(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {})) throw refuse('cannot update labels through pod status');
  if (differ(old.status?.resourceClaimStatuses ?? [], pod.status?.resourceClaimStatuses ?? []))
    throw refuse('cannot update resource claim statues');
  if (differ(old.status?.extendedResourceClaimStatus, pod.status?.extendedResourceClaimStatus)) {
    throw refuse('cannot update extended resource claim status');
  }
}

const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

const within = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`);

function forbiddenLabels(labels: Record<string, string> = {}, old: Record<string, string> = {}): string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter((key) => labels[key] !== old[key]);
  return changed
    .filter((key) => {
      const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      if (within(domain, 'node-restriction.kubernetes.io')) return true;
      const isReserved = within(domain, 'kubernetes.io') || within(domain, 'k8s.io');
      const isOwn = KUBELET_LABELS.has(key) || within(domain, 'kubelet.kubernetes.io') || within(domain, 'node.kubernetes.io');
      return isReserved && !isOwn;
    })
    .sort();
}

const nodes: Check = (attributes, own) => {
  const { operation, name } = attributes;
  const who = `node ${quoted(own)}`;
  const requested = name || attributes.object?.metadata?.name || '';
  if (requested !== own) throw forbidden(attributes, `${who} is not allowed to modify node ${quoted(requested)}`);
  const node = attributes.object as corev1.Node | undefined;
  if (!node || operation === 'DELETE') return;
  const old = operation === 'UPDATE' ? (attributes.oldObject as corev1.Node) : undefined;
  const labels = forbiddenLabels(node.metadata?.labels, old?.metadata?.labels);
  if (!old) {
    if (node.spec?.configSource) throw forbidden(attributes, `${who} is not allowed to create pods with a non-nil configSource`);
    if (labels.length > 0) throw forbidden(attributes, `${who} is not allowed to set the following labels: ${labels.join(', ')}`);
    return;
  }
  if (node.spec?.configSource && differ(node.spec.configSource, old.spec?.configSource)) {
    throw forbidden(attributes, `${who} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (differ(node.spec?.taints ?? [], old.spec?.taints ?? [])) throw forbidden(attributes, `${who} is not allowed to modify taints`);
  if (differ(node.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? [])) {
    throw forbidden(attributes, `${who} is not allowed to modify ownerReferences`);
  }
  if (labels.length > 0) throw forbidden(attributes, `is not allowed to modify labels: ${labels.join(', ')}`);
};

const claims: Check = (attributes, node) => {
  if (attributes.subresource !== 'status') throw forbidden(attributes, 'may only update PVC status');
  if (attributes.operation !== 'UPDATE') throw forbidden(attributes, `unexpected operation ${quoted(attributes.operation)}`);
  const comparable = (object: KubeObject | undefined) => {
    const { status, metadata, ...rest } = object as corev1.PersistentVolumeClaim;
    const { capacity: _c, conditions: _d, allocatedResources: _r, allocatedResourceStatuses: _s, ...keptStatus } = status ?? {};
    const { resourceVersion: _v, managedFields: _m, ...keptMetadata } = metadata ?? {};
    return { ...rest, metadata: keptMetadata, status: keptStatus };
  };
  if (differ(comparable(attributes.oldObject), comparable(attributes.object))) {
    throw forbidden(attributes, `node ${quoted(node)} is not allowed to update fields other than status.quantity and status.conditions`);
  }
};

const accounts: Check = async (attributes, node, authorizer) => {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== 'token') return;
  const refuse = (why: string) => forbidden(attributes, why);
  const { spec } = attributes.object as { spec?: authenticationv1.TokenRequestSpec };
  const bound = spec?.boundObjectRef;
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) throw refuse('node requested token not bound to a pod');
  if (!bound.uid) throw refuse('node requested token with a pod binding without a uid');
  const pod = existingPod(attributes, bound.name);
  if (pod.metadata?.uid !== bound.uid) {
    const why = `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw refuse(why);
  }
  if (pod.spec?.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node');
  const [audience = '', ...more] = spec?.audiences ?? [];
  if (more.length > 0) throw refuse('node may only request 0 or 1 audiences');
  if (podNamesAudience(attributes, pod, audience)) return;
  const { user, namespace, name } = attributes;
  const base = { user, namespace, name, isResourceRequest: true, path: '', apiGroup: '', apiVersion: 'v1', subresource: '' };
  const decision = await authorizer.authorize({ ...base, verb: 'request-serviceaccounts-token-audience', resource: audience });
  if (decision.decision === 'allow') return;
  throw refuse(
    `audience ${quoted(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`,
  );
};

function podNamesAudience({ reader }: AdmissionAttributes, pod: corev1.Pod, audience: string): boolean {
  const drivers = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken && (source.serviceAccountToken.audience ?? '') === audience))
      return true;
    if (volume.csi) drivers.add(volume.csi.driver);
  }
  for (const name of claimNames(pod)) {
    const claim = reader.get(corev1.persistentvolumeclaims, name, pod.metadata!.namespace);
    const volume = claim?.spec?.volumeName ? reader.get(corev1.persistentvolumes, claim.spec.volumeName) : undefined;
    if (volume?.spec?.csi) drivers.add(volume.spec.csi.driver);
  }
  return [...drivers].some((driver) =>
    reader.get(storagev1.csidrivers, driver)?.spec.tokenRequests?.some((request) => request.audience === audience),
  );
}

const leases: Check = (attributes, node) => {
  const { operation, namespace, name, object } = attributes;
  if (namespace !== LEASE_NAMESPACE) {
    throw forbidden(attributes, `can only access leases in the ${quoted(LEASE_NAMESPACE)} system namespace`);
  }
  const own = operation === 'CREATE' ? (object?.metadata?.name ?? name) : name;
  if (own !== node) throw forbidden(attributes, 'can only access node lease with the same name as the requesting node');
};

const csiNodes: Check = (attributes, node) => {
  const { operation, name, object } = attributes;
  const own = operation === 'CREATE' ? (object?.metadata?.name ?? name) : name;
  if (own !== node) throw forbidden(attributes, 'can only access CSINode with the same name as the requesting node');
};

const slices: Check = (attributes, node) => {
  const { operation, object, name, reader } = attributes;
  if (operation === 'CREATE' && (object as resourcev1.ResourceSlice).spec.nodeName !== node) {
    throw forbidden(attributes, 'can only create ResourceSlice with the same NodeName as the requesting node');
  }
  if (operation !== 'DELETE' || name === '') return;
  const found = reader.get(resourcev1.resourceslices, name);
  if (found && found.spec.nodeName !== node) {
    throw forbidden(attributes, 'can only delete ResourceSlice with the same NodeName as the requesting node');
  }
};

const KUBELET_SIGNERS = new Set(['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']);

const signingRequests: Check = (attributes, node) => {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== '') return;
  const { spec } = attributes.object as { spec: { request: string; signerName: string } };
  if (!KUBELET_SIGNERS.has(spec.signerName)) return;
  let name: string;
  try {
    organizationsOf(spec.request);
    name = commonNameOf(spec.request);
  } catch (error) {
    throw forbidden(attributes, `unable to parse csr: ${(error as Error).message}`);
  }
  if (name !== `system:node:${node}`) {
    throw forbidden(attributes, `can only create a node CSR with CN=system:node:${node}`);
  }
};

const CHECKS: Record<string, Check> = {
  pods,
  nodes,
  persistentvolumeclaims: claims,
  serviceaccounts: accounts,
  'leases.coordination.k8s.io': leases,
  'csinodes.storage.k8s.io': csiNodes,
  'resourceslices.resource.k8s.io': slices,
  'certificatesigningrequests.certificates.k8s.io': signingRequests,
};
