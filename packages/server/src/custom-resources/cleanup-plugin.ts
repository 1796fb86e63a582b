// A definition that is deleted takes its instances along: it gets the finalizer that waits for them right before
// (apiextensions registry/customresourcedefinition/etcd.go does so within the delete).
import { apiextensionsv1 } from '@tiphys/api';
import type { Loopback } from '../bootstrap/loopback.ts';
import type { AdmissionPlugin } from '../interfaces.ts';
import { CLEANUP_FINALIZER } from './controller.ts';

const CRDS = apiextensionsv1.customresourcedefinitions;

export function customResourceCleanup(client: () => Loopback): AdmissionPlugin {
  return {
    name: 'CustomResourceCleanup',
    async admit({ operation, type, name, dryRun, reader, subresource }) {
      if (operation !== 'DELETE' || type.resource !== CRDS.resource || type.group !== CRDS.group || dryRun || subresource !== '') return;
      const crd = reader.get(CRDS, name);
      const finalizers = crd?.metadata?.finalizers ?? [];
      if (!crd || crd.metadata?.deletionTimestamp || finalizers.includes(CLEANUP_FINALIZER)) return;
      await client().update(CRDS, { ...crd, metadata: { ...crd.metadata, finalizers: [...finalizers, CLEANUP_FINALIZER] } });
    },
  };
}
