// Kinds that every group version has: which of them a document names (kube-openapi pkg/util, DefinitionNamer over client-go's
// scheme, which also knows versions that nobody serves any more).
import { META } from './operations.ts';
import type { Kinds } from './schemas.ts';

const REGISTERED: Readonly<Record<string, readonly string[]>> = {
  '': ['v1'],
  'admission.k8s.io': ['v1', 'v1beta1'],
  'admissionregistration.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  'apiextensions.k8s.io': ['v1', 'v1beta1'],
  'apiregistration.k8s.io': ['v1', 'v1beta1'],
  apps: ['v1', 'v1beta1', 'v1beta2'],
  'authentication.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  'authorization.k8s.io': ['v1', 'v1beta1'],
  autoscaling: ['v1', 'v2'],
  batch: ['v1', 'v1beta1'],
  'certificates.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  'coordination.k8s.io': ['v1', 'v1alpha2', 'v1beta1'],
  'discovery.k8s.io': ['v1', 'v1beta1'],
  'events.k8s.io': ['v1', 'v1beta1'],
  extensions: ['v1beta1'],
  'flowcontrol.apiserver.k8s.io': ['v1', 'v1beta1', 'v1beta2', 'v1beta3'],
  'imagepolicy.k8s.io': ['v1alpha1'],
  'internal.apiserver.k8s.io': ['v1alpha1'],
  'networking.k8s.io': ['v1', 'v1beta1'],
  'node.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  policy: ['v1', 'v1beta1'],
  'rbac.authorization.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  'resource.k8s.io': ['v1', 'v1alpha3', 'v1beta1', 'v1beta2'],
  'scheduling.k8s.io': ['v1', 'v1alpha2', 'v1beta1'],
  'storage.k8s.io': ['v1', 'v1alpha1', 'v1beta1'],
  'storagemigration.k8s.io': ['v1beta1'],
};

const SHARED = ['DeleteOptions', 'WatchEvent'];

interface GroupVersion {
  group: string;
  version: string;
}

const kindsIn = (groupVersions: readonly GroupVersion[]): Kinds =>
  new Map(SHARED.map((kind) => [META + kind, groupVersions.map(({ group, version }) => ({ group, kind, version }))]));

/** In the document of everything: all registered group versions. */
export const kindsOfAll = (): Kinds =>
  kindsIn(Object.entries(REGISTERED).flatMap(([group, versions]) => versions.map((version) => ({ group, version }))));

/** What upstream's describer of custom resources hasn't registered. */
const UNKNOWN_TO_CUSTOM = new Set(['admission.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'imagepolicy.k8s.io']);

/** In the document of a group version of custom resources: all that clients know. */
export const kindsOfCustom = (): Kinds =>
  kindsIn(
    Object.entries(REGISTERED)
      .filter(([group]) => !UNKNOWN_TO_CUSTOM.has(group))
      .flatMap(([group, versions]) => versions.map((version) => ({ group, version }))),
  );

/** In the document of one group version: the core group's and its own. */
export const kindsOfGroupVersion = (group: string, version: string): Kinds =>
  kindsIn([{ group: '', version: 'v1' }, ...(group === '' ? [] : [{ group, version }])]);
