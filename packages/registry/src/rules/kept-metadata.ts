// Metadata that a write of the status leaves as it is (apimachinery meta/v1/helpers.go, ResetObjectMetaForStatus).
import type { KubeObject } from '@tiphys/api';

const METADATA_FIELDS = ['deletionTimestamp', 'generation', 'selfLink', 'labels', 'annotations', 'finalizers', 'ownerReferences'];

/** Gives the object the old one's fields of metadata. */
export function keepMetadata(object: KubeObject, old: KubeObject, fields: readonly string[] = METADATA_FIELDS): void {
  const metadata = object.metadata as Record<string, unknown>;
  const before = old.metadata as Record<string, unknown>;
  for (const field of fields) {
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  }
}
