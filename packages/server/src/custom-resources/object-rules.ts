// What a custom resource must satisfy, by its definition (apiextensions registry/customresource strategy.go, status_strategy.go,
// validator.go).
import { apiVersionOf, type KubeObject, type ResourceType } from '@tiphys/api';
import { Correlated, cel, type FieldError, fieldError, type JsonSchema, listTypeErrors, validateAgainst } from '@tiphys/machinery';
import { isQualifiedName, type ResourceDefinition, type RuleContext } from '@tiphys/registry';
import type { Definition } from './conditions.ts';
import { embeddedErrors } from './embedded.ts';
import { nested } from './field-path.ts';

export type CustomObject = KubeObject & Record<string, unknown>;
type Version = Definition['spec']['versions'][number];
type Scale = NonNullable<NonNullable<Version['subresources']>['scale']>;

/** Errors that keep rules from being evaluated (strategy.go hasBlockingErr). */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
const INT32_MAX = 2 ** 31 - 1;
const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

function typeMetaErrors(type: ResourceType, { kind, apiVersion }: CustomObject): FieldError[] {
  const errors: FieldError[] = [];
  if (kind !== type.kind) errors.push(fieldError.invalid('kind', kind, `must be ${type.kind}`));
  const expected = apiVersionOf(type);
  if (apiVersion !== expected) errors.push(fieldError.invalid('apiVersion', apiVersion, `must be ${expected}`));
  return errors;
}

function replicasErrors(object: CustomObject, path: string): FieldError[] {
  const { value = 0, fault } = nested(object, path, 'int64');
  if (fault !== undefined) return [fieldError.invalid(path, 0, fault)];
  if ((value as number) < 0) return [fieldError.invalid(path, value, 'should be a non-negative integer')];
  return (value as number) > INT32_MAX ? [fieldError.invalid(path, value, `should be less than or equal to ${INT32_MAX}`)] : [];
}

function scaleStatusErrors(object: CustomObject, scale: Scale): FieldError[] {
  const errors = replicasErrors(object, scale.statusReplicasPath);
  const path = scale.labelSelectorPath;
  const { fault } = path ? nested(object, path, 'string') : {};
  return fault === undefined ? errors : [...errors, fieldError.invalid(path!, '', fault)];
}

function finalizerAdvice(finalizer: string): string[] {
  const subject = `metadata.finalizers: ${JSON.stringify(finalizer)}:`;
  const advice = isQualifiedName(finalizer).map((why) => `${subject} ${why}`);
  if (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)) return advice;
  const with_ = finalizer.includes('.') ? ' including a path (/)' : '';
  return [
    ...advice,
    `${subject} prefer a domain-qualified finalizer name${with_} to avoid accidental conflicts with other finalizer writers`,
  ];
}

function adviseFinalizers(context: RuleContext, object: CustomObject, old?: CustomObject): void {
  const before = old?.metadata?.finalizers ?? [];
  const added = new Set((object.metadata?.finalizers ?? []).filter((each) => !before.includes(each)));
  for (const finalizer of [...added].sort()) for (const text of finalizerAdvice(finalizer)) context.warn(text);
}

/** A write of the status is one of nothing else: all that was sent beside it is as it was, but for who owns it. */
function keepAllButStatus(object: CustomObject, old: CustomObject): void {
  const { status, metadata } = object;
  for (const name of Object.keys(object)) delete object[name];
  const { managedFields: _, ...kept } = old.metadata!;
  const managed = metadata?.managedFields ? { managedFields: metadata.managedFields } : {};
  Object.assign(object, old, { metadata: { ...kept, ...managed } });
  if (status === undefined) delete object.status;
  else object.status = status;
}

export interface ObjectRulesOptions {
  type: ResourceType;
  schema: JsonSchema;
  subresources: NonNullable<Version['subresources']>;
  /** What the server itself has against the metadata, as it keeps rules from being evaluated too. */
  metadataErrors(object: CustomObject, old?: CustomObject): FieldError[];
}

export function objectRules(options: ObjectRulesOptions): Partial<ResourceDefinition<any>> {
  const { type, schema, metadataErrors } = options;
  const { status, scale } = options.subresources;
  let rules: { compiled: ReturnType<typeof cel.compileSchemaRules> } | undefined;
  const withRules = (errors: FieldError[], object: CustomObject, old?: CustomObject): FieldError[] => {
    rules ??= { compiled: cel.compileSchemaRules(schema) };
    if (!rules.compiled) return errors;
    if ([...errors, ...metadataErrors(object, old)].some((error) => BLOCKING.has(error.type)))
      return [...errors, fieldError.invalid('<nil>', null, NOT_CHECKED)];
    return [...errors, ...rules.compiled.validate(object, old)];
  };
  const shapeErrors = (object: CustomObject, before?: Correlated): FieldError[] => {
    const identity = typeMetaErrors(type, object);
    if (identity.length > 0) return identity;
    const scaled = scale ? [...replicasErrors(object, scale.specReplicasPath), ...scaleStatusErrors(object, scale)] : [];
    return [...validateAgainst(schema, object, before), ...scaled];
  };
  /** Lists that had duplicates before may have some. */
  const listErrors = (object: CustomObject, old: CustomObject) =>
    listTypeErrors(schema, old, '').length > 0 ? [] : listTypeErrors(schema, object, '');
  const statusErrors = (object: CustomObject, old: CustomObject): FieldError[] => {
    const identity = typeMetaErrors(type, object);
    if (identity.length > 0) return identity;
    const inner = schema.properties?.status;
    const errors = inner && 'status' in object ? statusValueErrors(inner, object.status, old.status) : [];
    return scale ? [...errors, ...scaleStatusErrors(object, scale)] : errors;
  };
  return {
    validateCreate(object: CustomObject, context: RuleContext) {
      const errors = [...shapeErrors(object), ...embeddedErrors(schema, object), ...listTypeErrors(schema, object, '')];
      const all = withRules(errors, object);
      if (all.length === 0 && metadataErrors(object).length === 0) adviseFinalizers(context, object);
      return all;
    },
    validateUpdate(object: CustomObject, old: CustomObject, context: RuleContext) {
      const before = new Correlated(object, old, schema);
      const errors = [...shapeErrors(object, before), ...embeddedErrors(schema, object), ...listErrors(object, old)];
      const all = withRules(errors, object, old);
      if (all.length === 0 && metadataErrors(object, old).length === 0) adviseFinalizers(context, object, old);
      return all;
    },
    ...(status
      ? {
          prepareForCreate(object: CustomObject) {
            delete object.status;
          },
          prepareForUpdate(object: CustomObject, old: CustomObject) {
            if (old.status === undefined) delete object.status;
            else object.status = old.status;
          },
          status: {
            prepareForUpdate: keepAllButStatus,
            validateUpdate: (object: CustomObject, old: CustomObject) =>
              withRules([...statusErrors(object, old), ...listErrors(object, old)], object, old),
          },
          resetFields: { '': { 'f:status': {} }, status: { 'f:spec': {}, 'f:metadata': {} } },
        }
      : {}),
  };
}

/** The status is judged as a value of its own, and its sentences speak of it so. */
function statusValueErrors(schema: JsonSchema, value: unknown, old: unknown): FieldError[] {
  return validateAgainst(schema, value, new Correlated(value, old, schema)).map((error) => ({
    ...error,
    field: error.field === '<nil>' ? 'status' : `status.${error.field}`,
  }));
}
