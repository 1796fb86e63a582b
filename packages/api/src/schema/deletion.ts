// Resources whose DELETE answers with the object rather than with a Status (registry.Store's ReturnDeletedObject).

/** By `group/resource`. */
export const RETURNS_DELETED: ReadonlySet<string> = new Set<string>([
  '/namespaces',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/devicetaintrules',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourcepoolstatusrequests',
  'resource.k8s.io/resourceslices',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
]);

/** Those that are described as answering with a Status all the same, since their storage wraps the generic one. */
export const DESCRIBED_AS_STATUS: ReadonlySet<string> = new Set(['/namespaces']);
