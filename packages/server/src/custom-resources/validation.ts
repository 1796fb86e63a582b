// What a custom resource definition must satisfy (apiextensions apis/apiextensions/validation, v1 rules).

import { type FieldError, fieldError, internalSchema, type JsonSchema, jsonEqual, someSchema } from '@tiphys/machinery';
import { isDns1035Label, isDns1123Subdomain } from '@tiphys/registry';
import { append } from '@tiphys/std';
import { type Definition, isTrue } from './conditions.ts';
import { validateConversion } from './conversion-rules.ts';
import { type Described, internalForm } from './internal-form.ts';
import { describedErrors, schemaOf, warningErrors } from './version-rules.ts';

type Spec = Definition['spec'];
type Names = Spec['names'];

const PROTECTED_GROUPS = ['k8s.io', 'kubernetes.io'];
const APPROVED_ANNOTATION = 'api-approved.kubernetes.io';
const APPROVAL = `protected groups must have approval annotation "${APPROVED_ANNOTATION}"`;
const APPROVAL_PAGE = 'see https://github.com/kubernetes/enhancements/pull/1111';
const SCOPES = ['Cluster', 'Namespaced'];
const PRESERVE = 'spec.preserveUnknownFields';

export function validateDefinition(crd: Definition): FieldError[] {
  const { metadata, spec } = crd;
  const errors: FieldError[] = [];
  const required = `${spec.names?.plural ?? ''}.${spec.group ?? ''}`;
  for (const field of ['name', 'generateName'] as const) {
    const name = metadata?.[field];
    if (name && name !== required) errors.push(fieldError.invalid(`metadata.${field}`, name, 'must be spec.names.plural+"."+spec.group'));
  }
  return [...errors, ...specErrors(crd), ...statusErrors(crd), ...storedErrors(crd), ...approvalErrors(crd), ...preserveErrors(crd)];
}

export function validateDefinitionUpdate(crd: Definition, old: Definition): FieldError[] {
  const errors = specErrors(crd, old);
  const immutable = (field: string, value: string | undefined, before: string | undefined) => {
    if ((value ?? '') !== (before ?? '')) errors.push(fieldError.invalid(field, value ?? '', 'field is immutable'));
  };
  const [{ spec }, { spec: before }] = [crd, old];
  if (isTrue(old, 'Established')) {
    immutable('spec.scope', spec.scope, before.scope);
    immutable('spec.names.kind', spec.names?.kind, before.names?.kind);
  }
  immutable('spec.group', spec.group, before.group);
  immutable('spec.names.plural', spec.names?.plural, before.names?.plural);
  append(errors, statusErrors(crd));
  append(errors, storedErrors(crd));
  if (approvalOf(crd) !== approvalOf(old)) append(errors, approvalErrors(crd));
  if (!before.preserveUnknownFields) append(errors, preserveErrors(crd));
  return errors;
}

/** The status alone. */
export const validateDefinitionStatus = (crd: Definition): FieldError[] => statusErrors(crd);

const statusErrors = ({ status }: Definition) => nameErrors(status?.acceptedNames ?? {}, 'status.acceptedNames');

/** Versions that wrongly say to be the stored one; each is told with all that are stored. */
const STORAGE_VERSIONS_TOLD_MAX = 100;

/** A version once stored stays until it is dropped by hand. */
function storedErrors({ spec, status }: Definition): FieldError[] {
  const at = 'status.storedVersions';
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [fieldError.invalid(at, null, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const known = new Set(stored);
  for (const { name, storage } of spec.versions ?? []) {
    // A second version of the name is not taken for the stored one.
    const isFirst = !names.has(name);
    names.add(name);
    if (storage && !(isFirst && known.has(name)) && errors.length < STORAGE_VERSIONS_TOLD_MAX)
      errors.push(fieldError.invalid(at, stored, `must have the storage version ${name}`));
  }
  const last = new Map(stored.map((name, i) => [name, i]));
  for (const [i, name] of stored.entries()) {
    // One that stands twice is told of where it stands last.
    if (last.get(name) !== i || names.has(name)) continue;
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(fieldError.invalid(`${at}[${i}]`, name, why));
  }
  return errors;
}

function preserveErrors({ spec }: Definition): FieldError[] {
  if (!spec.preserveUnknownFields) return [];
  const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [fieldError.invalid(PRESERVE, true, why)];
}

type Approval = 'approved' | 'bypassed' | 'missing' | 'invalid';

function approvalOf({ metadata }: Definition): Approval {
  const text = metadata?.annotations?.[APPROVED_ANNOTATION];
  if (!text) return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(text) ? 'approved' : 'invalid';
}

function approvalErrors(crd: Definition): FieldError[] {
  const { group = '' } = crd.spec;
  if (!PROTECTED_GROUPS.some((each) => group === each || group.endsWith(`.${each}`))) return [];
  const at = `metadata.annotations[${APPROVED_ANNOTATION}]`;
  const approval = approvalOf(crd);
  if (approval === 'missing') return [fieldError.required(at, `${APPROVAL}, ${APPROVAL_PAGE}`)];
  if (approval !== 'invalid') return [];
  const why = `${APPROVAL} with either a URL or a reason starting with "unapproved", ${APPROVAL_PAGE}`;
  return [fieldError.invalid(at, crd.metadata?.annotations?.[APPROVED_ANNOTATION], why)];
}

function groupErrors(group: string | undefined): FieldError[] {
  if (!group) return [fieldError.required('spec.group')];
  const problems = isDns1123Subdomain(group);
  if (problems.length > 0) return [fieldError.invalid('spec.group', group, problems.join(','))];
  return group.includes('.') ? [] : [fieldError.invalid('spec.group', group, 'should be a domain with at least one dot')];
}

const hasDefaults = ({ schema }: Spec['versions'][number]): boolean =>
  someSchema((schema?.openAPIV3Schema ?? {}) as JsonSchema, (part) => part.default !== undefined && part.default !== null);

function specErrors(crd: Definition, old?: Definition): FieldError[] {
  const { spec } = crd;
  const errors = groupErrors(spec.group);
  if (spec.preserveUnknownFields && spec.versions?.some(hasDefaults))
    errors.push(fieldError.invalid(PRESERVE, true, 'must be false in order to use defaults in the schema'));
  if (!spec.scope) errors.push(fieldError.required('spec.scope'));
  else if (!SCOPES.includes(spec.scope)) errors.push(fieldError.notSupported('spec.scope', spec.scope, SCOPES));
  append(errors, versionsErrors(spec));
  const first = spec.versions?.[0]?.name;
  const problems = first ? isDns1035Label(first) : [];
  if (problems.length > 0) errors.push(fieldError.invalid('spec.version', first, problems.join(',')));
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names?.[name]) errors.push(fieldError.required(`spec.names.${name}`));
  }
  append(errors, nameErrors(spec.names ?? {}, 'spec.names'));
  if (spec.conversion && spec.conversion.strategy !== 'None' && spec.preserveUnknownFields) {
    const why = 'must be None if spec.preserveUnknownFields is true';
    errors.push(fieldError.invalid('spec.conversion.strategy', spec.conversion.strategy, why));
  }
  return [...errors, ...validateConversion(crd, old)];
}

/** As upstream's type names what is in it. */
const internalVersion = ({ schema, ...version }: Spec['versions'][number]) => ({
  ...version,
  ...(schema ? { schema: { openAPIV3Schema: internalSchema((schema.openAPIV3Schema ?? {}) as JsonSchema) } } : {}),
});

const TOGETHER = [
  ['schema', 'schemas', 'validation'],
  ['subresources', 'subresources', 'subresources'],
  ['additionalPrinterColumns', 'additionalPrinterColumns', 'additionalPrinterColumns'],
] as const;

function versionsErrors(spec: Spec): FieldError[] {
  const errors: FieldError[] = [];
  const { common, versions } = internalForm(spec);
  const invalid = (why: string) => errors.push(fieldError.invalid('spec.versions', versions.map(internalVersion), why));
  if (!schemaOf(common)) {
    for (const [i, version] of versions.entries()) {
      if (!schemaOf(version)) errors.push(fieldError.required(`spec.versions[${i}].schema.openAPIV3Schema`));
    }
  }
  const hasStatus = ({ subresources }: Described) => Boolean(subresources?.status);
  const apart = versions.some(({ subresources }) => subresources);
  for (const [i, version] of versions.entries()) {
    const at = `spec.versions[${i}]`;
    const problems = isDns1035Label(version.name ?? '');
    if (problems.length > 0) errors.push(fieldError.invalid(`${at}.name`, version.name ?? '', problems.join(',')));
    const status = hasStatus(apart ? version : common);
    const missing = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    append(errors, warningErrors(version, at));
    append(errors, describedErrors(version, at, `${at}.schema.openAPIV3Schema`, status, missing));
  }
  for (const [name, plural, top] of TOGETHER) {
    const [first] = versions;
    const identical = first && versions.every((version) => version[name] && jsonEqual(version[name], first[name]));
    if (identical) invalid(`per-version ${plural} may not all be set to identical values (top-level ${top} should be used instead)`);
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length) invalid('must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1) invalid('must have exactly one version marked as storage version');
  const status = [common, ...versions].some(hasStatus);
  const missing = 'may only be set when validations.schema is included';
  return [...errors, ...describedErrors(common, 'spec', 'spec.validation.openAPIV3Schema', status, missing)];
}

function nameErrors(names: Partial<Names>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (key: string, value: string | undefined, mayBeMixed = false) => {
    const problems = value ? isDns1035Label(mayBeMixed ? value.toLowerCase() : value) : [];
    if (problems.length === 0) return;
    const why = problems.join(',');
    errors.push(fieldError.invalid(`${field}.${key}`, value, mayBeMixed ? `may have mixed case, but should otherwise match: ${why}` : why));
  };
  check('plural', names.plural);
  check('singular', names.singular);
  check('kind', names.kind, true);
  check('listKind', names.listKind, true);
  // Unlike the four, an empty one of these is no name.
  for (const list of ['shortNames', 'categories'] as const) {
    for (const [i, name] of (names[list] ?? []).entries()) {
      const problems = isDns1035Label(name);
      if (problems.length > 0) errors.push(fieldError.invalid(`${field}.${list}[${i}]`, name, problems.join(',')));
    }
  }
  if (names.kind && names.kind === names.listKind) {
    errors.push(fieldError.invalid(`${field}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  }
  return errors;
}
