// The options of list, watch and deletecollection with upstream's checks (apimachinery apis/meta/internalversion/validation,
// apiserver endpoints/handlers/get.go).
import {
  type FieldError,
  type FieldSelector,
  fieldError,
  parseFieldSelector,
  parseLabelSelector,
  StatusError,
  statusError,
} from '@tiphys/machinery';
import type { PlainObject } from '../cache/entry.ts';
import type { Selection } from '../cache/selection.ts';
import type { RequestInfo } from '../interfaces.ts';
import type { Endpoint } from '../resources.ts';

export interface ListOptions {
  selection: Selection;
  labelSelector: string;
  fieldSelector: string;
  limit: number;
  continue: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  watch: boolean;
  timeoutSeconds: number | undefined;
  allowWatchBookmarks: boolean;
  sendInitialEvents: boolean | undefined;
}

function booleanOf(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  return value === null ? undefined : value.toLowerCase() !== 'false' && value !== '0';
}

function integerOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d+$/.test(value)) throw statusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

/** Reads and checks; throws what upstream answers. */
export function listOptions(info: RequestInfo, endpoint: Endpoint): ListOptions {
  const { query } = info;
  const options: ListOptions = {
    selection: { keyPrefix: '' },
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: integerOf(query, 'limit') ?? 0,
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    watch: info.verb === 'watch',
    timeoutSeconds: integerOf(query, 'timeoutSeconds'),
    allowWatchBookmarks: booleanOf(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
  };
  const unversioned = options.resourceVersion === '' || options.resourceVersion === '0';
  if (options.watch && unversioned && options.sendInitialEvents === undefined && options.resourceVersionMatch === '') {
    options.sendInitialEvents = true;
    options.resourceVersionMatch = 'NotOlderThan';
  }
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw statusError.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  options.selection = selectionOf(info, endpoint, options);
  return options;
}

const MATCH = 'resourceVersionMatch';

function listErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (match !== '') {
    if (options.resourceVersion === '') {
      errors.push(fieldError.forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (options.continue !== '') errors.push(fieldError.forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(fieldError.notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(fieldError.forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(fieldError.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(fieldError.forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (options.sendInitialEvents === undefined) {
      errors.push(fieldError.forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    }
    if (match !== 'NotOlderThan') errors.push(fieldError.notSupported(MATCH, match, ['NotOlderThan']));
    if (options.continue !== '') errors.push(fieldError.forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return errors;
}

/** The fields an object of this resource can be selected by. */
export function selectableFields(endpoint: Endpoint, object: PlainObject): Record<string, string> {
  const own = endpoint.definition.selectableFields?.(object) ?? {};
  const fields: Record<string, string> = { 'metadata.name': object.metadata?.name ?? '', ...own };
  if (endpoint.type.namespaced) fields['metadata.namespace'] = object.metadata?.namespace ?? '';
  return fields;
}

function assertSelectable(endpoint: Endpoint, field: string): void {
  if (field === 'metadata.name' || field === 'metadata.namespace') return;
  const known = endpoint.definition.selectableFields?.({ metadata: {}, spec: {}, status: {} });
  if (known && field in known) return;
  throw statusError.badRequest(
    known
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** The first field besides the name that has to have one value, as a kubelet's spec.nodeName. */
function indexedField(endpoint: Endpoint, fields: FieldSelector): Selection['field'] {
  const term = fields.terms.find(({ field, operator }) => operator === '=' && !field.startsWith('metadata.'));
  if (!term) return undefined;
  const name = `${endpoint.apiVersion}/${term.field}`;
  return { name, value: term.value, read: (object) => selectableFields(endpoint, object)[term.field] ?? '' };
}

function selectionOf(info: RequestInfo, endpoint: Endpoint, options: ListOptions): Selection {
  const keyPrefix = endpoint.type.namespaced && info.namespace !== '' ? `${info.namespace}/` : '';
  const selection: Selection = { keyPrefix };
  const fields = options.fieldSelector === '' ? undefined : parseFieldSelector(options.fieldSelector);
  for (const term of fields?.terms ?? []) assertSelectable(endpoint, term.field);
  const exactName = fields?.exactValue('metadata.name');
  if (info.name !== '' && fields && !fields.empty && exactName !== info.name) {
    throw new StatusError(400, 'BadRequest', "fieldSelector metadata.name doesn't match requested name");
  }
  const name = info.name || exactName;
  if (name && (keyPrefix !== '' || !endpoint.type.namespaced)) selection.key = keyPrefix + name;
  const labels = options.labelSelector === '' ? undefined : parseLabelSelector(options.labelSelector);
  const plainName = fields?.terms.length === 1 && exactName !== undefined && selection.key !== undefined;
  const fieldTest = fields && !fields.empty && !plainName ? fields : undefined;
  const field = fieldTest && indexedField(endpoint, fieldTest);
  if (field) selection.field = field;
  if (labels || fieldTest) {
    selection.text = `${options.labelSelector}&${options.fieldSelector}`;
    selection.matches = (object) =>
      (!labels || labels.matches(object.metadata?.labels ?? {})) && (!fieldTest || fieldTest.matches(selectableFields(endpoint, object)));
  }
  return selection;
}
