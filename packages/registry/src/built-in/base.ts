// The identity of built-in resources, from the table of upstream's discovery documents, with what all kinds share:
// storage prefixes (kubeapiserver/default_storage_factory_builder.go), status, scale and further subresources.
import { builtInResources, type KubeObject, nameIsPathSegment, RETURNS_DELETED, type ResourceInfo, type ResourceType } from '@tiphys/api';
import { invariant } from '@tiphys/std';
import type { ResourceDefinition, ScalePaths, SubresourceDefinition } from '../define-resource.ts';
import { dropDisabledAt } from '../rules/pod/disabled-fields.ts';

/** Upstream's historic key prefixes. Everything else is stored under its resource's name. */
const STORAGE_PREFIXES: Record<string, string> = {
  '/replicationcontrollers': 'controllers',
  '/endpoints': 'services/endpoints',
  '/nodes': 'minions',
  '/services': 'services/specs',
  'networking.k8s.io/ingresses': 'ingress',
  'apiextensions.k8s.io/customresourcedefinitions': 'apiextensions.k8s.io/customresourcedefinitions',
  'apiregistration.k8s.io/apiservices': 'apiregistration.k8s.io/apiservices',
};

const REPLICAS: ScalePaths = { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' };

const CREATES_ON_UPDATE = new Set([
  '/endpoints',
  '/events',
  '/limitranges',
  '/services',
  'coordination.k8s.io/leasecandidates',
  'coordination.k8s.io/leases',
  'events.k8s.io/events',
  'node.k8s.io/runtimeclasses',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
]);

/** Names that only have to fit into a URL, such as `system:node` or `v1.`. */
const PATH_SEGMENT_NAMES = new Set([
  'apiregistration.k8s.io/apiservices',
  'certificates.k8s.io/certificatesigningrequests',
  'policy/poddisruptionbudgets',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
]);

/** A PUT of these must carry the resourceVersion it was made from. */
const CONDITIONAL_UPDATES = new Set([
  'admissionregistration.k8s.io/mutatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'apiextensions.k8s.io/customresourcedefinitions',
  'apiregistration.k8s.io/apiservices',
  'certificates.k8s.io/clustertrustbundles',
  'certificates.k8s.io/podcertificaterequests',
  'coordination.k8s.io/leasecandidates',
  'coordination.k8s.io/leases',
  'internal.apiserver.k8s.io/storageversions',
  'node.k8s.io/runtimeclasses',
  'policy/poddisruptionbudgets',
  'resource.k8s.io/resourcepoolstatusrequests',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
  'storagemigration.k8s.io/storageversionmigrations',
]);

/** Kinds whose metadata.generation counts the changes of their spec. The others carry none. */
const COUNTS_GENERATIONS = new Set([
  '/pods',
  '/podtemplates',
  '/replicationcontrollers',
  'admissionregistration.k8s.io/mutatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'apiextensions.k8s.io/customresourcedefinitions',
  'apps/daemonsets',
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
  'batch/cronjobs',
  'batch/jobs',
  'discovery.k8s.io/endpointslices',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'networking.k8s.io/ingressclasses',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/networkpolicies',
  'policy/poddisruptionbudgets',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/devicetaintrules',
  'resource.k8s.io/resourceslices',
  'scheduling.k8s.io/priorityclasses',
]);

const TEMPLATE_SPEC = ['spec', 'template', 'spec'];
/** Where kinds hold a pod's spec. */
const POD_SPECS: Record<string, readonly string[]> = {
  '/pods': ['spec'],
  '/podtemplates': ['template', 'spec'],
  '/replicationcontrollers': TEMPLATE_SPEC,
  'apps/daemonsets': TEMPLATE_SPEC,
  'apps/deployments': TEMPLATE_SPEC,
  'apps/replicasets': TEMPLATE_SPEC,
  'apps/statefulsets': TEMPLATE_SPEC,
  'batch/cronjobs': ['spec', 'jobTemplate', ...TEMPLATE_SPEC],
  'batch/jobs': TEMPLATE_SPEC,
};

const LABELS_KEPT = { '': { 'f:status': {} }, status: { 'f:spec': {}, 'f:metadata': { 'f:labels': {} } } };
const METADATA_KEPT = { '': { 'f:status': {} }, status: { 'f:spec': {}, 'f:metadata': {} } };

/** Where writes can touch less than usual (GetResetFields of upstream's strategies). */
const RESET_FIELDS: Record<string, NonNullable<ResourceDefinition['resetFields']>> = {
  '/pods': {
    '': { 'f:status': {} },
    status: { 'f:spec': {}, 'f:metadata': { 'f:deletionTimestamp': {}, 'f:ownerReferences': {} } },
  },
  'admissionregistration.k8s.io/validatingadmissionpolicies': METADATA_KEPT,
  // The status takes metadata along.
  'apiextensions.k8s.io/customresourcedefinitions': { '': { 'f:status': {} }, status: { 'f:spec': {} } },
  'apiregistration.k8s.io/apiservices': METADATA_KEPT,
  'apps/deployments': LABELS_KEPT,
  'certificates.k8s.io/certificatesigningrequests': {
    '': { 'f:spec': {}, 'f:status': {} },
    status: { 'f:spec': {}, 'f:status': { 'f:conditions': {} } },
    approval: { 'f:spec': {}, 'f:status': { 'f:certificate': {} } },
  },
  'flowcontrol.apiserver.k8s.io/flowschemas': METADATA_KEPT,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': METADATA_KEPT,
  'internal.apiserver.k8s.io/storageversions': METADATA_KEPT,
  'networking.k8s.io/servicecidrs': METADATA_KEPT,
  'resource.k8s.io/devicetaintrules': METADATA_KEPT,
  'resource.k8s.io/resourceclaims': METADATA_KEPT,
  'resource.k8s.io/resourcepoolstatusrequests': METADATA_KEPT,
  'scheduling.k8s.io/podgroups': METADATA_KEPT,
  'storage.k8s.io/volumeattachments': METADATA_KEPT,
  'storagemigration.k8s.io/storageversionmigrations': METADATA_KEPT,
};

const PACKAGES: Record<string, string> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'internal.apiserver.k8s.io': 'io.k8s.api.apiserverinternal',
};

/** Full name of a kind's type in the schema table. */
export function schemaName(group: string, version: string, kind: string): string {
  return `${PACKAGES[group] ?? `io.k8s.api.${group.split('.')[0]}`}.${version}.${kind}`;
}

function subresourcesOf(rows: readonly ResourceInfo[], resource: string): SubresourceDefinition[] {
  return rows
    .filter((row) => row.name.startsWith(`${resource}/`))
    .map(({ name, verbs, kind, group, version }) => ({
      name: name.slice(resource.length + 1),
      verbs,
      kind,
      ...(group ? { group } : {}),
      ...(version ? { version } : {}),
    }))
    .filter(({ name }) => name !== 'status' && name !== 'scale');
}

/** What is true of a built-in resource before any rule of its own. */
export function baseDefinition<T extends KubeObject>(group: string, version: string, resource: string): ResourceDefinition<T> {
  const rows = builtInResources(group, version);
  const row = rows.find(({ name }) => name === resource);
  invariant(row, `there is no built-in resource ${group}/${version} ${resource}`);
  const key = `${group}/${resource}`;
  const subresources = subresourcesOf(rows, resource);
  const has = (name: string) => rows.some((other) => other.name === `${resource}/${name}`);
  const type: ResourceType<T> = { group, version, resource, kind: row.kind, namespaced: row.namespaced };
  return {
    type,
    singularName: row.singularName,
    verbs: row.verbs,
    schema: schemaName(group, version, row.kind),
    storagePrefix: STORAGE_PREFIXES[key] ?? resource,
    generation: COUNTS_GENERATIONS.has(key),
    ...(row.shortNames ? { shortNames: row.shortNames } : {}),
    ...(row.categories ? { categories: row.categories } : {}),
    ...(has('status') ? { status: {} } : {}),
    ...(RESET_FIELDS[key] ? { resetFields: RESET_FIELDS[key] } : {}),
    ...(POD_SPECS[key] ? { dropDisabled: dropDisabledAt(POD_SPECS[key]) } : {}),
    ...(has('scale') ? { scale: REPLICAS } : {}),
    ...(subresources.length ? { subresources } : {}),
    ...(PATH_SEGMENT_NAMES.has(key) ? { validateName: nameIsPathSegment } : {}),
    ...(RETURNS_DELETED.has(key) ? { deleteReturnsObject: true } : {}),
    ...(CREATES_ON_UPDATE.has(key) ? { allowCreateOnUpdate: true } : {}),
    ...(CONDITIONAL_UPDATES.has(key) ? { allowUnconditionalUpdate: false } : {}),
  };
}

/** A built-in resource: its identity from the table, and its own rules. */
export function defineBuiltIn<T extends KubeObject>(
  group: string,
  version: string,
  resource: string,
  rules: Partial<ResourceDefinition<T>> = {},
): ResourceDefinition<T> {
  return Object.freeze({ ...baseDefinition<T>(group, version, resource), ...rules });
}
