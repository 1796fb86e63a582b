// One version of a custom resource as the server serves it: identity, codec, rules and columns, made from its definition
// (apiextensions apiserver/customresource_handler.go, registry/customresource).
import { apiVersionOf, decode, type KubeObject, normalize, type ResourceType, schemaTable } from '@tiphys/api';
import {
  applySchemaDefaults,
  dropNulls,
  type JsonSchema,
  jsonEqual,
  mergeTypeOf,
  pruneObject,
  type TrackedType,
  tableWithCustomType,
} from '@tiphys/machinery';
import { type ResourceDefinition, validateMetadata, validateMetadataUpdate } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import { DecodeError, type ObjectCodec } from '../codec.ts';
import { compareVersions } from '../discovery/classic.ts';
import { customColumns } from './columns.ts';
import { type Definition, isTrue } from './conditions.ts';
import { hasBadAuthority } from './conversion-rules.ts';
import type { Converter } from './conversion-webhook.ts';
import { CUSTOM_VALUES_MAX } from './definition-rules.ts';
import { coerceEmbedded } from './embedded.ts';
import { nested, valueAt } from './field-path.ts';
import { type CustomObject, objectRules } from './object-rules.ts';

export type Version = Definition['spec']['versions'][number];

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
    ...(hasBadAuthority(crd) ? { fault: 'error resolving resource', untold: !isTrue(crd, 'Established') } : {}),
    schema: schemaName(type),
    storagePrefix: `${type.group}/${type.resource}`,
    ...(version.deprecated ? { warning: version.deprecationWarning ?? deprecation(crd, version.name) } : {}),
    deleteReturnsObject: false,
    generation: true,
    allowUnconditionalUpdate: false,
    valuesMax: CUSTOM_VALUES_MAX,
    columns: customColumns(version.additionalPrinterColumns),
    ...objectRules({
      type,
      schema,
      subresources: subresources ?? {},
      metadataErrors: (object, old) => (old ? validateMetadataUpdate(definition, object, old) : validateMetadata(definition, object)),
    }),
    ...(subresources?.scale ? { scale: scaleOf(subresources.scale) } : {}),
    ...(selectableFields?.length ? { selectableFields: (object: CustomObject) => selectable(object, selectableFields) } : {}),
    ...conversionOf(crd, version.name, convert),
  });
  return { definition, codec: codecOf(crd, type, schema) };
}

/** Names the best version to use instead, when there is one. */
function deprecation(crd: Definition, version: string): string {
  const { group, names, versions } = crd.spec;
  const better = versions.filter((each) => each.served && !each.deprecated && compareVersions(each.name, version) < 0);
  const [best] = better.map(({ name }) => name).sort(compareVersions);
  return `${group}/${version} ${names.kind} is deprecated${best ? `; use ${group}/${best} ${names.kind}` : ''}`;
}

const withoutDot = (path: string) => path.replace(/^\./, '');

/** As registry/customresource/etcd.go reads it. */
function scaleOf(scale: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string }) {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return {
    specReplicas: withoutDot(specReplicasPath),
    statusReplicas: withoutDot(statusReplicasPath),
    ...(labelSelectorPath ? { selector: withoutDot(labelSelectorPath) } : {}),
    mustExist: true,
    fault: (object: object) =>
      nested(object, specReplicasPath, 'int64').fault ??
      nested(object, statusReplicasPath, 'int64').fault ??
      (labelSelectorPath ? nested(object, labelSelectorPath, 'string').fault : undefined),
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

const publishedAll = (properties: Record<string, JsonSchema>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, published(property)]));

const OBJECT_META_REFERENCE = () => ({ allOf: [{ $ref: OBJECT_META }] });

/** With what goes without saying in a definition (apiextensions apiserver/schema/kubeopenapi.go, controller/openapi/builder). */
function published(schema: JsonSchema): Record<string, unknown> {
  const { properties, items, additionalProperties: additional } = schema;
  const inner = {
    ...schema,
    ...(properties ? { properties: publishedAll(properties) } : {}),
    ...(items ? { items: published(items) } : {}),
    ...(typeof additional === 'object' ? { additionalProperties: published(additional) } : {}),
  };
  if (schema['x-kubernetes-int-or-string'] && !schema.anyOf) return { ...inner, anyOf: [{ type: 'integer' }, { type: 'string' }] };
  if (!schema['x-kubernetes-embedded-resource']) return inner;
  const text = { type: 'string' };
  return {
    ...inner,
    properties: { ...inner.properties, apiVersion: text, kind: text, metadata: OBJECT_META_REFERENCE() },
    required: [...new Set([...(schema.required ?? []), 'kind', 'apiVersion'])],
  };
}

/** The schema as clients read it: with the fields every object has (apiextensions controller/openapi/builder). */
function openApiSchema(
  { group, version, kind }: ResourceType,
  schema: JsonSchema,
  selectable: readonly { jsonPath: string }[],
): Record<string, unknown> {
  const text = (description: string) => ({ description, type: 'string' });
  return {
    ...published(schema),
    properties: {
      ...publishedAll(schema.properties ?? {}),
      apiVersion: text(`APIVersion defines which version of the schema the object follows. See ${CONVENTIONS}#resources`),
      kind: text(`Kind names the resource that the object is one of. See ${CONVENTIONS}#types-kinds`),
      metadata: {
        description: `Standard object's metadata: name, labels and what the server keeps. See ${CONVENTIONS}#metadata`,
        allOf: [{ $ref: OBJECT_META }],
      },
    },
    'x-kubernetes-group-version-kind': [{ group, kind, version }],
    ...(selectable.length > 0
      ? { 'x-kubernetes-selectable-fields': selectable.map(({ jsonPath }) => ({ fieldPath: withoutDot(jsonPath) })) }
      : {}),
  };
}

/** Schemas by version: what is stored may be of another than the one that is served. */
type Schemas = ReadonlyMap<string, JsonSchema>;

/** The object without what its version's schema doesn't know. */
function coerced(
  type: ResourceType,
  schemas: Schemas,
  object: PlainObject,
): { object: PlainObject; unknown: string[]; schema?: JsonSchema } {
  const schema = schemas.get(object.apiVersion ?? '');
  // Objects of another kind are refused for that later.
  if (!schema || object.kind !== type.kind) return { object, unknown: [] };
  const { object: pruned, unknownFields } = pruneObject(object, schema);
  dropNulls(pruned, schema);
  return { object: pruned, unknown: [...unknownFields, ...coerceEmbedded(schema, pruned)], schema };
}

/** A webhook is not asked what an object is in every manager's version: those are taken for one. */
function trackedType(crd: Definition, type: ResourceType, schemas: Schemas): TrackedType {
  const apiVersion = apiVersionOf(type);
  const typeIn = (version: string, schema: JsonSchema) => {
    const name = schemaName({ ...type, version });
    return mergeTypeOf(tableWithCustomType(schemaTable, name, schema), name);
  };
  const empty = { apiVersion, kind: type.kind };
  const own = typeIn(type.version, schemas.get(apiVersion)!);
  if (schemas.size > 1 && crd.spec.conversion?.strategy === 'Webhook') return { type: own, empty, loose: true };
  const versions = new Map([...schemas].map(([each, schema]) => [each, typeIn(each.split('/')[1]!, schema)]));
  return { type: own, empty, loose: true, versions };
}

/** What is applied is read field by field: metadata that can't be is not there. */
function withReadableMetadata(value: object): object {
  const { metadata, ...rest } = structuredClone(value) as PlainObject;
  const readable = Object.entries(metadata ?? {}).filter(([name, entry]) => {
    try {
      normalize({ metadata: { [name]: entry } });
      return true;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return false;
    }
  });
  return { ...rest, metadata: Object.fromEntries(readable) };
}

function codecOf(crd: Definition, type: ResourceType, schema: JsonSchema): ObjectCodec {
  const { group, versions } = crd.spec;
  const schemas: Schemas = new Map(versions.map((version) => [apiVersionOf({ group, version: version.name }), schemaOf(version)]));
  let tracked: TrackedType | undefined;
  const defaulted = (object: PlainObject) => {
    const own = schemas.get(object.apiVersion ?? '');
    if (own && object.kind === type.kind) applySchemaDefaults(object, own);
    return object;
  };
  const finished = (decoded: KubeObject, strictErrors: readonly string[], strict: boolean) => {
    // Metadata of custom resources is read and told again, and an empty list of managers is none then: it forgets nobody.
    if (decoded.metadata?.managedFields?.length === 0) delete decoded.metadata.managedFields;
    const { object, unknown } = coerced(type, schemas, decoded as PlainObject);
    const unknownErrors = strict ? unknown.map((field) => `unknown field ${JSON.stringify(field)}`) : [];
    return { object: defaulted(object), strictErrors: [...strictErrors, ...unknownErrors] };
  };
  return {
    selfNamed: true,
    openApiSchema: openApiSchema(type, schema, versions.find((version) => version.name === type.version)?.selectableFields ?? []),
    decode(bytes, options) {
      const { object, strictErrors } = decode(bytes, { ...options, valuesMax: CUSTOM_VALUES_MAX });
      return finished(object, strictErrors, options.strict);
    },
    normalize(value, { applied, ...options }) {
      const { object, strictErrors } = normalize(applied ? withReadableMetadata(value) : structuredClone(value), options);
      if (applied) return { object: defaulted(object as PlainObject), strictErrors };
      return finished(object, strictErrors, options.strict !== false);
    },
    read(stored) {
      // Pruning copies what it keeps, down to what the schema knows nothing of; defaults go into the copy alone.
      const object = defaulted(coerced(type, schemas, stored).object);
      return jsonEqual(object, stored) ? stored : object;
    },
    converted: (object) => coerced(type, schemas, object).object,
    applyDefaults: defaulted,
    get tracked() {
      tracked ??= trackedType(crd, type, schemas);
      return tracked;
    },
  };
}
