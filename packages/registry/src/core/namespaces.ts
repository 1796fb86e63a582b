// Namespaces (registry/core/namespace/strategy.go, apis/core/validation, printers printNamespace).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { baseDefinition, defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { isQualifiedName, nameIsLabel } from '../rules/formats.ts';
import { checkKnownFinalizer } from '../rules/metadata.ts';

type Namespace = corev1.Namespace;
const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Every namespace carries its name as a label, so that selectors can name it. */
function labelWithName({ metadata }: Namespace): void {
  metadata!.labels = { ...metadata!.labels, [NAME_LABEL]: metadata!.name! };
}

function finalizerErrors(path: string, finalizer: string): Errors {
  const errors: Errors = [];
  complain(errors, path, finalizer, isQualifiedName(finalizer));
  checkKnownFinalizer(errors, path, finalizer);
  return errors;
}

const checkFinalizers = ({ spec }: Namespace): Errors =>
  (spec?.finalizers ?? []).flatMap((finalizer) => finalizerErrors('spec.finalizers', finalizer));

export const namespaces = defineBuiltIn<Namespace>('', 'v1', 'namespaces', {
  validateName: nameIsLabel,
  prepareForCreate(namespace) {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { ...namespace.spec, finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] };
    labelWithName(namespace);
  },
  prepareForUpdate(namespace, old) {
    namespace.spec = { ...namespace.spec, finalizers: old.spec?.finalizers };
    if (!namespace.spec.finalizers) delete namespace.spec.finalizers;
    namespace.status = old.status;
    labelWithName(namespace);
  },
  validateCreate: checkFinalizers,
  validateUpdate: checkFinalizers,
  status: {
    validateUpdate({ metadata, status }) {
      const phase = status?.phase ?? '';
      const [wanted, when] = metadata?.deletionTimestamp ? ['Terminating', 'is not empty'] : ['Active', 'is empty'];
      if (phase === wanted) return [];
      return [fieldError.invalid('status.Phase', phase, `may only be '${wanted}' if \`deletionTimestamp\` ${when}`)];
    },
  },
  holdsDeletion: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
  markDeleting(namespace) {
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
  selectableFields: ({ metadata, status }) => ({ 'status.phase': status?.phase ?? '', name: metadata?.name ?? '' }),
  columns: withNameAndAge<Namespace>(text('Status', ({ status }) => status?.phase ?? '')),
  subresources: baseDefinition<Namespace>('', 'v1', 'namespaces').subresources?.map((subresource) => ({
    ...subresource,
    update: {
      prepareForUpdate(namespace: Namespace, old: Namespace) {
        namespace.status = old.status;
      },
      validateUpdate: ({ spec }: Namespace) =>
        (spec?.finalizers ?? []).flatMap((finalizer, i) => finalizerErrors(`spec.finalizers[${i}]`, finalizer)),
    },
  })),
});
