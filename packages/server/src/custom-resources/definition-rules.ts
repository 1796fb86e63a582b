// Rules of the kind CustomResourceDefinition itself (apiextensions registry/customresourcedefinition/strategy.go).
import { type JsonSchema, jsonEqual, unknownFormats } from '@tiphys/machinery';
import type { ResourceDefinition, RuleContext } from '@tiphys/registry';
import { CLEANUP_FINALIZER, DELETION_PENDING, type Definition, withCondition } from './conditions.ts';
import { internalForm } from './internal-form.ts';
import { definitionAsV1 } from './stored-definition.ts';
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from './validation.ts';

function withStorageVersion(crd: Definition): void {
  const storage = crd.spec.versions?.find((version) => version.storage);
  if (!storage) return;
  const { name = '' } = storage;
  const stored = crd.status?.storedVersions ?? [];
  if (!stored.includes(name)) crd.status = { ...crd.status, storedVersions: [...stored, name] };
}

/**
 * What a schema says of values counts even where it is empty (`default: []`), and so does a schema that says nothing (`items: true`),
 * which Go holds behind a pointer.
 */
function countSchemas(crd: Definition, old: Definition): void {
  const schemas = ({ spec }: Definition) => spec.versions?.map(({ schema }) => schema?.openAPIV3Schema);
  if (!jsonEqual(schemas(crd), schemas(old))) crd.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
}

/** Fills in what depends on other fields (apis/apiextensions/v1/defaults.go). */
function setDefaults(crd: Definition): void {
  const { names } = crd.spec;
  if (names) {
    if (!names.singular && names.kind) names.singular = names.kind.toLowerCase();
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
  }
  crd.spec.conversion ??= { strategy: 'None' };
  const { service } = crd.spec.conversion.webhook?.clientConfig ?? {};
  if (service && service.port === undefined) service.port = 443;
}

/** A definition that is deleted takes its instances along: it waits for them (registry/customresourcedefinition/etcd.go Delete). */
function markDeleting(crd: Definition): void {
  const metadata = crd.metadata!;
  const finalizers = metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP_FINALIZER)) metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
  const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
  const condition = { type: 'Terminating', status: 'True', reason: DELETION_PENDING, message };
  crd.status = { ...crd.status, conditions: withCondition(crd.status?.conditions, condition, metadata.deletionTimestamp!) };
}

function formatsOf({ spec }: Definition): string[] {
  const { common, versions } = internalForm(spec);
  return [common, ...versions].flatMap(({ schema }) => (schema ? unknownFormats(schema.openAPIV3Schema as JsonSchema) : []));
}

/** Says which formats mean nothing here, of those that are new. */
function adviseFormats(crd: Definition, old: Definition | undefined, context: RuleContext): void {
  const before = new Set(old ? formatsOf(old) : []);
  for (const format of formatsOf(crd)) if (!before.has(format)) context.warn(`unrecognized format ${JSON.stringify(format)}`);
}

/** What a definition and an object of one may hold: the largest that people install have a few ten thousand values. */
export const CUSTOM_VALUES_MAX = 50_000;

/** The definition to serve customresourcedefinitions by, from the one the table gives. */
export function customResourceDefinitionRules(base: ResourceDefinition<any>): ResourceDefinition<any> {
  return Object.freeze({
    ...base,
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    storageVersion: 'v1beta1',
    adopt: (stored) => definitionAsV1(stored as Definition),
    generation: true,
    setDefaults,
    prepareForCreate(crd: Definition) {
      // Upstream's type has no place for what is missing here.
      crd.status = { acceptedNames: { kind: '', plural: '' }, conditions: null };
      withStorageVersion(crd);
    },
    prepareForUpdate(crd: Definition, old: Definition) {
      if (old.status) crd.status = old.status;
      else delete crd.status;
      countSchemas(crd, old);
      withStorageVersion(crd);
    },
    validateCreate(crd: Definition, context: RuleContext) {
      const errors = validateDefinition(crd);
      if (errors.length === 0) adviseFormats(crd, undefined, context);
      return errors;
    },
    validateUpdate(crd: Definition, old: Definition, context: RuleContext) {
      const errors = validateDefinitionUpdate(crd, old);
      if (errors.length === 0) adviseFormats(crd, old, context);
      return errors;
    },
    status: {
      prepareForUpdate(crd: Definition, old: Definition) {
        crd.spec = old.spec;
      },
      validateUpdate: (crd: Definition) => validateDefinitionStatus(crd),
    },
    allowUnconditionalUpdate: false,
    valuesMax: CUSTOM_VALUES_MAX,
    holdsAlone: true,
    holdsDeletion: (crd: Definition) => crd.metadata?.finalizers?.includes(CLEANUP_FINALIZER) === true,
    markDeleting,
    deleteReturnsObject: true,
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (crd: Definition) => crd.metadata?.name ?? '' },
      { name: 'Created At', type: 'date', cell: (crd: Definition) => crd.metadata?.creationTimestamp ?? '' },
    ],
  } satisfies ResourceDefinition<any>);
}
