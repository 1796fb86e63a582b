// How the kinds of upstream's own API server differ in what they ask of metadata, as their strategies' Validate and ValidateUpdate do
// (registry/*/*/strategy.go). Whatever they ask, every server asks the rules of registry/rest as well.
import type { ResourceDefinition } from '../define-resource.ts';

const key = ({ type: { group, resource } }: ResourceDefinition<any>) => `${group}/${resource}`;

/** These ask nothing of metadata themselves: any name that fits into a URL will do. */
const UNNAMED = new Set(['/events', 'policy/poddisruptionbudgets']);
/** These take finalizers without a domain, as custom kinds do. */
const ANY_FINALIZER = /^(admissionregistration|coordination|node)\.k8s\.io\//;
/** An update is asked all that a create is, the rule of names included. */
const ASKED_AGAIN = new Set([
  '/configmaps',
  '/endpoints',
  '/limitranges',
  '/namespaces',
  '/nodes',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/secrets',
  '/serviceaccounts',
  'admissionregistration.k8s.io/mutatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'apiregistration.k8s.io/apiservices',
  'apps/controllerrevisions',
  'batch/jobs',
  'certificates.k8s.io/certificatesigningrequests',
  'certificates.k8s.io/clustertrustbundles',
  'discovery.k8s.io/endpointslices',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'networking.k8s.io/ingressclasses',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/ipaddresses',
  'node.k8s.io/runtimeclasses',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
  'storagemigration.k8s.io/storageversionmigrations',
]);
/** These look at the name alone, not at what it was generated from. */
const PREFIX_IS_FREE = new Set(['/replicationcontrollers', 'resource.k8s.io/deviceclasses']);
/** Views that are asked as the object itself is. */
const ASKED_VIEWS: Readonly<Record<string, readonly string[]>> = {
  '/pods': ['ephemeralcontainers', 'resize'],
  'certificates.k8s.io/certificatesigningrequests': ['approval', 'status'],
  'storage.k8s.io/volumeattachments': ['status'],
};

export interface MetadataKind {
  /** Whether the kind asks anything at all before the server does. */
  asks: boolean;
  /** Finalizers must have a domain or be Kubernetes' own. */
  knownFinalizers: boolean;
  /** Whether metadata.generateName follows the rule of names. */
  prefix: boolean;
  /** Whether a write of that subresource, '' for the object, is asked what a create is. */
  again(subresource: string): boolean;
}

const kinds = new WeakMap<ResourceDefinition<any>, MetadataKind>();

function made(definition: ResourceDefinition<any>): MetadataKind {
  const own = key(definition);
  const isOwnKind = definition.schema.startsWith('io.k8s.api.');
  const known = isOwnKind || own === 'apiregistration.k8s.io/apiservices';
  return {
    asks: !UNNAMED.has(own),
    knownFinalizers: isOwnKind && !UNNAMED.has(own) && !ANY_FINALIZER.test(own),
    prefix: !PREFIX_IS_FREE.has(own),
    again: (subresource) => known && ASKED_AGAIN.has(own) && (subresource === '' || ASKED_VIEWS[own]?.includes(subresource) === true),
  };
}

export function metadataKind(definition: ResourceDefinition<any>): MetadataKind {
  const kind = kinds.get(definition) ?? made(definition);
  kinds.set(definition, kind);
  return kind;
}
