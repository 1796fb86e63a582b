// One version of a custom resource as the server serves it: identity, codec, rules and columns, made from its definition
// (apiextensions apiserver/customresource_handler.go, registry/customresource).
import { apiVersionOf, decode, type KubeObject, normalize, type ResourceType, schemaTable } from '@tiphys/api';
import {
  applySchemaDefaults,
  cel,
  type FieldError,
  fieldError,
  type JsonSchema,
  jsonEqual,
  mergeTypeOf,
  pruneObject,
  type TrackedType,
  tableWithCustomType,
  validateAgainst,
} from '@tiphys/machinery';
import type { ResourceDefinition } from '@tiphys/registry';
import type { ObjectCodec } from '../codec.ts';
import { compareVersions } from '../discovery/classic.ts';
import { customColumns } from './columns.ts';
import type { Definition } from './conditions.ts';
import type { Converter } from './conversion-webhook.ts';
import { valueAt } from './field-path.ts';

export type Version = Definition['spec']['versions'][number];
type CustomObject = KubeObject & Record<string, unknown>;

const ALL_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

export function typeOf(crd: Definition, version: string): ResourceType {
  const { group, scope } = crd.spec;
  const names = crd.status?.acceptedNames?.plural ? crd.status.acceptedNames : crd.spec.names;
  return { group, version, resource: names.plural, kind: names.kind, namespaced: scope === 'Namespaced' };
}

/** Name of the kind in schema tables and OpenAPI: `com.example.v1.CronTab`. */
export function schemaName({ group, version, kind }: ResourceType): string {
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
}

const schemaOf = (version: Version): JsonSchema =>
  (version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }) as JsonSchema;

export function servedVersion(
  crd: Definition,
  version: Version,
  convert?: Converter,
): { definition: ResourceDefinition<any>; codec: ObjectCodec } {
  const type = typeOf(crd, version.name);
  const names = crd.status?.acceptedNames?.plural ? crd.status.acceptedNames : crd.spec.names;
  const schema = schemaOf(version);
  const { subresources, selectableFields } = version;
  const definition: ResourceDefinition<any> = Object.freeze({
    type,
    singularName: names.singular ?? type.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ALL_VERBS,
    schema: schemaName(type),
    storagePrefix: `${type.group}/${type.resource}`,
    ...(version.deprecated ? { warning: version.deprecationWarning ?? deprecation(crd, version.name) } : {}),
    deleteReturnsObject: false,
    generation: true,
    allowUnconditionalUpdate: false,
    columns: customColumns(version.additionalPrinterColumns),
    ...rulesOf(schema, subresources?.status !== undefined),
    ...(subresources?.scale ? { scale: scaleOf(subresources.scale) } : {}),
    ...(selectableFields?.length ? { selectableFields: (object: CustomObject) => selectable(object, selectableFields) } : {}),
    ...conversionOf(crd, version.name, convert),
  });
  return { definition, codec: codecOf(type, schema) };
}

/** Names the best version to use instead, when there is one. */
function deprecation(crd: Definition, version: string): string {
  const { group, names, versions } = crd.spec;
  const better = versions.filter((each) => each.served && !each.deprecated && compareVersions(each.name, version) < 0);
  const [best] = better.map(({ name }) => name).sort(compareVersions);
  return `${group}/${version} ${names.kind} is deprecated${best ? `; use ${group}/${best} ${names.kind}` : ''}`;
}

const withoutDot = (path: string) => path.replace(/^\./, '');

function scaleOf(scale: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string }) {
  return {
    specReplicas: withoutDot(scale.specReplicasPath),
    statusReplicas: withoutDot(scale.statusReplicasPath),
    ...(scale.labelSelectorPath ? { selector: withoutDot(scale.labelSelectorPath) } : {}),
  };
}

function selectable(object: CustomObject, fields: readonly { jsonPath: string }[]): Record<string, string> {
  return Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const path = withoutDot(jsonPath);
      const value = valueAt(object, path);
      return [path, value === undefined || value === null ? '' : String(value)];
    }),
  );
}

/** Errors that keep rules from being evaluated (customresource/strategy.go hasBlockingErr). */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function rulesOf(schema: JsonSchema, hasStatus: boolean): Partial<ResourceDefinition<any>> {
  const structure = withoutMetadata(schema);
  let rules: { compiled: ReturnType<typeof cel.compileSchemaRules> } | undefined;
  const withRules = (errors: FieldError[], object: CustomObject, old?: CustomObject): FieldError[] => {
    rules ??= { compiled: cel.compileSchemaRules(schema) };
    if (!rules.compiled) return errors;
    if (errors.some((error) => BLOCKING.has(error.type))) return [...errors, fieldError.invalid('<nil>', null, NOT_CHECKED)];
    return [...errors, ...rules.compiled.validate(object, old)];
  };
  const validateCreate = (object: CustomObject): FieldError[] => withRules(validateAgainst(structure, object), object);
  /** What was wrong before and hasn't been touched is let be (KEP-4008). */
  const newErrors = (object: CustomObject, old: CustomObject): FieldError[] => {
    const isNew = (error: FieldError) => error.field === '' || !jsonEqual(valueAt(object, error.field), valueAt(old, error.field));
    return withRules(validateAgainst(structure, object).filter(isNew), object, old);
  };
  return {
    validateCreate,
    validateUpdate: newErrors,
    ...(hasStatus
      ? {
          prepareForCreate: (object: CustomObject) => {
            delete object.status;
          },
          prepareForUpdate: (object: CustomObject, old: CustomObject) => {
            if (old.status === undefined) delete object.status;
            else object.status = old.status;
          },
          status: { validateUpdate: (object: CustomObject, old: CustomObject) => newErrors(object, old) },
          resetFields: { '': { 'f:status': {} }, status: { 'f:spec': {}, 'f:metadata': {} } },
        }
      : {}),
  };
}

/** Metadata has rules of its own; a schema may only narrow names, which is checked with the rest. */
function withoutMetadata(schema: JsonSchema): JsonSchema {
  const { metadata: _, apiVersion: _a, kind: _k, ...properties } = schema.properties ?? {};
  return { ...schema, properties };
}

/** Objects are stored in the storage version; others differ from it by their apiVersion, unless a webhook converts them. */
function conversionOf(crd: Definition, version: string, convert: Converter | undefined): Partial<ResourceDefinition<any>> {
  const storage = crd.spec.versions.find((each) => each.storage)!.name;
  const storedOnlySo = (crd.status?.storedVersions ?? [storage]).every((each) => each === version);
  if (version === storage && storedOnlySo) return {};
  const stored = typeOf(crd, storage);
  const own = typeOf(crd, version);
  const to = (type: ResourceType) => (object: KubeObject) => {
    if (object.apiVersion === apiVersionOf(type)) return object;
    return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
  };
  return { conversion: { stored, toStored: to(stored), fromStored: to(own), ...(convert ? { convert } : {}) } };
}

const OBJECT_META = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** The schema as clients read it: with the fields every object has (apiextensions controller/openapi/builder). */
function openApiSchema({ group, version, kind }: ResourceType, schema: JsonSchema): Record<string, unknown> {
  const text = (description: string) => ({ description, type: 'string' });
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: text(`APIVersion defines which version of the schema the object follows. See ${CONVENTIONS}#resources`),
      kind: text(`Kind names the resource that the object is one of. See ${CONVENTIONS}#types-kinds`),
      metadata: {
        description: `Standard object's metadata: name, labels and what the server keeps. See ${CONVENTIONS}#metadata`,
        allOf: [{ $ref: OBJECT_META }],
      },
    },
    'x-kubernetes-group-version-kind': [{ group, kind, version }],
  };
}

function codecOf(type: ResourceType, schema: JsonSchema): ObjectCodec {
  const apiVersion = apiVersionOf(type);
  let tracked: TrackedType | undefined;
  const finished = (object: KubeObject, strictErrors: readonly string[], strict: boolean) => {
    const { object: pruned, unknownFields } = pruneObject(object, schema);
    applySchemaDefaults(pruned, schema);
    const unknown = strict ? unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`) : [];
    return { object: pruned as CustomObject, strictErrors: [...strictErrors, ...unknown] };
  };
  return {
    openApiSchema: openApiSchema(type, schema),
    decode(bytes, options) {
      const { object, strictErrors } = decode(bytes, options);
      return finished(object, strictErrors, options.strict);
    },
    normalize(value, options) {
      const { object, strictErrors } = normalize(structuredClone(value), options);
      return finished(object, strictErrors, options.strict !== false);
    },
    read(stored) {
      const { object } = pruneObject(stored, schema);
      // Pruning copies what it keeps, down to what the schema knows nothing of; defaults go into the copy alone.
      applySchemaDefaults(object, schema);
      return jsonEqual(object, stored) ? stored : object;
    },
    applyDefaults(object) {
      applySchemaDefaults(object, schema);
      return object;
    },
    get tracked() {
      if (!tracked) {
        const name = schemaName(type);
        tracked = { type: mergeTypeOf(tableWithCustomType(schemaTable, name, schema), name), empty: { apiVersion, kind: type.kind } };
      }
      return tracked;
    },
  };
}
