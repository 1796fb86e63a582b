// What a custom resource definition must satisfy (apiextensions apis/apiextensions/validation, v1 rules).
import { cel, type FieldError, fieldError, type JsonSchema, jsonEqual, structuralErrors } from '@tiphys/machinery';
import type { Definition } from './conditions.ts';
import { validateConversion } from './conversion-rules.ts';

type Version = Definition['spec']['versions'][number];
type Names = Definition['spec']['names'];

const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_LENGTH_MAX = 63;
const SUBDOMAIN_LENGTH_MAX = 253;
const MESSAGE_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const MESSAGE_SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const PROTECTED_GROUPS = ['.k8s.io', '.kubernetes.io'];
const APPROVED_ANNOTATION = 'api-approved.kubernetes.io';
const SELECTABLE_FIELDS_MAX = 8;

const isSubdomain = (text: string) => text.length <= SUBDOMAIN_LENGTH_MAX && text.split('.').every((part) => LABEL_1123.test(part));
const isLabel1035 = (text: string) => text.length <= LABEL_LENGTH_MAX && LABEL_1035.test(text);

export function validateDefinition(crd: Definition): FieldError[] {
  const { names, group } = crd.spec;
  const errors: FieldError[] = [];
  const name = crd.metadata?.name ?? '';
  const required = `${names?.plural ?? ''}.${group ?? ''}`;
  if (name !== required) errors.push(fieldError.invalid('metadata.name', name, `must be spec.names.plural+"."+spec.group`));
  errors.push(...validateGroup(crd), ...validateVersions(crd), ...validateNames(names ?? {}, 'spec.names'), ...validateConversion(crd));
  if (!crd.spec.scope) errors.push(fieldError.required('spec.scope'));
  else if (!['Cluster', 'Namespaced'].includes(crd.spec.scope)) {
    errors.push(fieldError.notSupported('spec.scope', crd.spec.scope, ['Cluster', 'Namespaced']));
  }
  if (crd.spec.preserveUnknownFields === true) {
    const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(fieldError.invalid('spec.preserveUnknownFields', true, why));
  }
  const storage = crd.spec.versions?.findLast((version) => version.storage)?.name;
  const stored = crd.status?.storedVersions ?? [];
  if (storage && stored.length > 0 && !stored.includes(storage)) {
    errors.push(fieldError.invalid('status.storedVersions', stored, `must have the storage version ${storage}`));
  }
  return errors;
}

export function validateDefinitionUpdate(crd: Definition, old: Definition): FieldError[] {
  const errors = validateDefinition(crd);
  const established = old.status?.conditions?.some((each) => each.type === 'Established' && each.status === 'True');
  const immutable = (field: string, value: unknown, before: unknown) => {
    if (!jsonEqual(value ?? null, before ?? null)) errors.push(fieldError.invalid(field, value, 'field is immutable'));
  };
  if (established) {
    immutable('spec.scope', crd.spec.scope, old.spec.scope);
    immutable('spec.names.kind', crd.spec.names.kind, old.spec.names.kind);
  }
  immutable('spec.group', crd.spec.group, old.spec.group);
  immutable('spec.names.plural', crd.spec.names.plural, old.spec.names.plural);
  const served = new Set(crd.spec.versions.map((version) => version.name));
  for (const [i, stored] of (crd.status?.storedVersions ?? []).entries()) {
    if (!served.has(stored))
      errors.push(
        fieldError.invalid(
          `status.storedVersions[${i}]`,
          stored,
          `missing from spec.versions; ${stored} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${stored} and removes ${stored} from status.storedVersions`,
        ),
      );
  }
  return errors;
}

/** The status itself: what is stored must stay served, and a version once stored stays until it is dropped by hand. */
export function validateDefinitionStatus(crd: Definition): FieldError[] {
  const stored = crd.status?.storedVersions ?? [];
  if (stored.length === 0) return [fieldError.invalid('status.storedVersions', stored, 'must have at least one stored version')];
  const storage = crd.spec.versions.find((version) => version.storage)?.name;
  const missing = stored.flatMap((name, i) =>
    crd.spec.versions.some((version) => version.name === name)
      ? []
      : [fieldError.invalid(`status.storedVersions[${i}]`, name, 'must appear in spec.versions')],
  );
  return storage && !stored.includes(storage)
    ? [...missing, fieldError.invalid('status.storedVersions', stored, `must have the storage version ${storage}`)]
    : missing;
}

function validateGroup(crd: Definition): FieldError[] {
  const { group } = crd.spec;
  if (!group) return [fieldError.required('spec.group')];
  if (!isSubdomain(group)) return [fieldError.invalid('spec.group', group, MESSAGE_SUBDOMAIN)];
  if (group.split('.').length < 2) return [fieldError.invalid('spec.group', group, 'should be a domain with at least one dot')];
  const isProtected = group === 'k8s.io' || group === 'kubernetes.io' || PROTECTED_GROUPS.some((suffix) => group.endsWith(suffix));
  const approval = crd.metadata?.annotations?.[APPROVED_ANNOTATION];
  if (!isProtected || (approval && (approval.startsWith('unapproved') || /^https?:\/\/[^/]+/.test(approval)))) return [];
  const field = `metadata.annotations[${APPROVED_ANNOTATION}]`;
  const why =
    'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
  return [approval ? fieldError.invalid(field, approval, why) : fieldError.required(field, why)];
}

function validateVersions(crd: Definition): FieldError[] {
  const errors: FieldError[] = [];
  const { versions = [] } = crd.spec;
  if (versions.length === 0) {
    errors.push(fieldError.required('spec.versions', 'must have at least one version'));
    return errors;
  }
  const seen = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const field = `spec.versions[${i}]`;
    if (!isLabel1035(version.name ?? '')) errors.push(fieldError.invalid(`${field}.name`, version.name ?? '', MESSAGE_1035));
    if (seen.has(version.name))
      errors.push(fieldError.invalid('spec.versions', versions.map((each) => each.name).join(','), 'must contain unique version names'));
    seen.add(version.name);
    errors.push(...validateVersion(version, field));
  }
  const stored = versions.filter((version) => version.storage).length;
  if (stored !== 1) {
    errors.push(
      fieldError.invalid(
        'spec.versions',
        versions.map((each) => each.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  return errors;
}

function validateVersion(version: Version, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const schema = version.schema?.openAPIV3Schema as JsonSchema | undefined;
  const schemaField = `${field}.schema.openAPIV3Schema`;
  if (!schema) errors.push(fieldError.required(schemaField));
  else {
    const structural = structuralErrors(schema, schemaField);
    // Rules are looked at when their schema can be understood.
    errors.push(...(structural.length > 0 ? structural : cel.definitionRuleErrors(schema, schemaField)));
  }
  const { status, scale } = version.subresources ?? {};
  void status;
  if (scale) {
    const path = (name: string, value: string | undefined, prefix: string) => {
      const at = `${field}.subresources.scale.${name}`;
      if (!value) errors.push(fieldError.required(at, 'is required'));
      else if (!value.startsWith(prefix)) errors.push(fieldError.invalid(at, value, `should be a json path under ${prefix}`));
    };
    path('specReplicasPath', scale.specReplicasPath, '.spec.');
    path('statusReplicasPath', scale.statusReplicasPath, '.status.');
    if (scale.labelSelectorPath && !/^\.(spec|status)\./.test(scale.labelSelectorPath)) {
      const at = `${field}.subresources.scale.labelSelectorPath`;
      errors.push(fieldError.invalid(at, scale.labelSelectorPath, 'should be a json path under either .spec or .status'));
    }
  }
  for (const [i, column] of (version.additionalPrinterColumns ?? []).entries())
    errors.push(...validateColumn(column, `${field}.additionalPrinterColumns[${i}]`));
  const selectable = version.selectableFields ?? [];
  if (selectable.length > SELECTABLE_FIELDS_MAX)
    errors.push(fieldError.tooMany(`${field}.selectableFields`, selectable.length, SELECTABLE_FIELDS_MAX));
  return errors;
}

function validateColumn(column: { name: string; type: string; format?: string; jsonPath: string }, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!column.name) errors.push(fieldError.required(`${field}.name`));
  if (!column.type) errors.push(fieldError.required(`${field}.type`, `must be one of ${COLUMN_TYPES.join(',')}`));
  else if (!COLUMN_TYPES.includes(column.type))
    errors.push(fieldError.invalid(`${field}.type`, column.type, `must be one of ${COLUMN_TYPES.join(',')}`));
  if (column.format && !COLUMN_FORMATS.includes(column.format)) {
    errors.push(fieldError.invalid(`${field}.format`, column.format, `must be one of ${COLUMN_FORMATS.join(',')}`));
  }
  if (!column.jsonPath) errors.push(fieldError.required(`${field}.jsonPath`));
  return errors;
}

function validateNames(names: Partial<Names>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const name = (key: string, value: string | undefined, isRequired: boolean, lowered = false) => {
    if (!value) {
      if (isRequired) errors.push(fieldError.required(`${field}.${key}`));
    } else if (!isLabel1035(lowered ? value.toLowerCase() : value)) {
      const why = lowered ? `may have mixed case, but should otherwise match: ${MESSAGE_1035}` : MESSAGE_1035;
      errors.push(fieldError.invalid(`${field}.${key}`, value, why));
    }
  };
  name('plural', names.plural, true);
  name('singular', names.singular, false);
  name('kind', names.kind, true, true);
  name('listKind', names.listKind, true, true);
  for (const [i, short] of (names.shortNames ?? []).entries()) name(`shortNames[${i}]`, short, false);
  for (const [i, category] of (names.categories ?? []).entries()) name(`categories[${i}]`, category, false);
  if (names.kind && names.kind === names.listKind) {
    errors.push(fieldError.invalid(`${field}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  }
  return errors;
}
