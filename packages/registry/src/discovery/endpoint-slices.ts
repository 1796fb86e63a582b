// EndpointSlices (registry/discovery/endpointslice, apis/discovery/validation, printers printEndpointSlice).
import type { discoveryv1 } from '@tiphys/api';
import { fieldError, jsonEqual } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { checkAddressUse } from '../core/service/address-use.ts';
import { addressWarnings, checkAddress, checkCanonicalAddress } from '../rules/addresses.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE, maybeOneOf, oneOf } from '../rules/errors.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName, nameIsSubdomain } from '../rules/formats.ts';

type Slice = discoveryv1.EndpointSlice;
const ADDRESSES_MAX = 100;
const PORTS_MAX = 20_000;
const ENDPOINTS_MAX = 1000;
const HINTS_MAX = 8;
const SHOWN_MAX = 3;
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const CONTROLLERS = new Set(['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']);

function checkEndpointAddress(errors: Errors, list: string, i: number, address: string, type: string | undefined): void {
  const path = `${list}[${i}]`;
  const count = errors.length;
  if (type === 'FQDN') {
    const name = address.replace(/\.$/, '');
    const wrong = isDns1123Subdomain(name);
    if (!address) errors.push(fieldError.required(path));
    else if (wrong.length) errors.push(fieldError.invalid(path, name, wrong.join(',')));
    else if (!name.includes('.')) {
      errors.push(fieldError.invalid(path, name, 'should be a domain with at least two segments separated by dots'));
    }
  } else if (type === 'IPv4' || type === 'IPv6') {
    const parsed = type === 'IPv4' ? checkAddress(errors, path, address) : checkCanonicalAddress(errors, path, address);
    if (!parsed || errors.length > count) return;
    if (`IPv${parsed.family}` !== type) errors.push(fieldError.invalid(list, address, `must be an ${type} address`));
    checkAddressUse(errors, path, address);
  }
}

function checkHints(errors: Errors, path: string, hints: discoveryv1.EndpointHints): void {
  for (const [name, rule] of [
    ['forZones', isLabelValue],
    ['forNodes', (value: string) => nameIsSubdomain(value, false)],
  ] as const) {
    const list = hints[name] ?? [];
    if (list.length > HINTS_MAX) errors.push(fieldError.tooMany(`${path}.${name}`, list.length, HINTS_MAX));
    const seen = new Set<string>();
    list.forEach((hint, i) => {
      const at = `${path}.${name}[${i}].name`;
      if (seen.has(hint.name)) errors.push(fieldError.duplicate(at, hint.name));
      seen.add(hint.name);
      complain(errors, at, hint.name, rule(hint.name ?? ''));
    });
  }
}

function checkEndpoints(errors: Errors, slice: Slice): void {
  const { addressType } = slice;
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > ENDPOINTS_MAX) {
    errors.push(fieldError.tooMany('endpoints', endpoints.length, ENDPOINTS_MAX));
    return;
  }
  endpoints.forEach((endpoint, i) => {
    const at = `endpoints[${i}]`;
    const addresses = endpoint.addresses ?? [];
    if (!addresses.length) errors.push(fieldError.required(`${at}.addresses`, 'must contain at least 1 address'));
    else if (addresses.length > ADDRESSES_MAX) errors.push(fieldError.tooMany(`${at}.addresses`, addresses.length, ADDRESSES_MAX));
    addresses.forEach((address, j) => {
      checkEndpointAddress(errors, `${at}.addresses`, j, address, addressType);
    });
    const { nodeName, hostname } = endpoint;
    if (nodeName !== undefined) complain(errors, `${at}.nodeName`, nodeName, nameIsSubdomain(nodeName, false));
    if (hostname !== undefined) complain(errors, `${at}.hostname`, hostname, isDns1123Label(hostname));
    if (endpoint.hints) checkHints(errors, `${at}.hints`, endpoint.hints);
  });
}

function checkPorts(errors: Errors, ports: readonly discoveryv1.EndpointPort[]): void {
  if (ports.length > PORTS_MAX) {
    errors.push(fieldError.tooMany('ports', ports.length, PORTS_MAX));
    return;
  }
  const seen = new Set<string>();
  ports.forEach(({ name = '', protocol, appProtocol }, i) => {
    if (name) complain(errors, `ports[${i}].name`, name, isDns1123Label(name));
    if (seen.has(name)) errors.push(fieldError.duplicate(`ports[${i}].name`, name));
    seen.add(name);
    if (protocol === undefined) errors.push(fieldError.required(`ports[${i}].protocol`));
    else maybeOneOf(errors, `ports[${i}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
    if (appProtocol !== undefined) complain(errors, `ports[${i}].appProtocol`, appProtocol, isQualifiedName(appProtocol));
  });
}

function validate(slice: Slice, old?: Slice): Errors {
  const errors: Errors = [];
  oneOf(errors, 'addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6']);
  checkPorts(errors, slice.ports ?? []);
  if (!old || !sameValue(old.endpoints, slice.endpoints)) checkEndpoints(errors, slice);
  if (old && old.addressType !== slice.addressType) errors.push(fieldError.invalid('addressType', slice.addressType, IMMUTABLE));
  return errors;
}

function some(list: readonly string[]): string {
  const shown = list.slice(0, SHOWN_MAX).join(',');
  return list.length > SHOWN_MAX ? `${shown} + ${list.length - SHOWN_MAX} more...` : shown || '<unset>';
}

const HOSTNAME = 'kubernetes.io/hostname';

/** The topology of before v1 can't be written; a node's name in it moves to its own field. */
function dropTopology(slice: Slice, old?: Slice): void {
  const before = new Set(old?.endpoints?.map(({ deprecatedTopology: topology }) => topology?.[HOSTNAME]));
  for (const endpoint of slice.endpoints ?? []) {
    const name = endpoint.deprecatedTopology?.[HOSTNAME];
    if (endpoint.nodeName === undefined && name && before.has(name)) endpoint.nodeName = name;
    delete endpoint.deprecatedTopology;
  }
}

/** Advice about addresses; those of the controllers are always as they should be. */
function warnOfAddresses({ metadata, endpoints }: Slice, warn: (text: string) => void): void {
  if (CONTROLLERS.has(metadata?.labels?.[MANAGED_BY] ?? '')) return;
  endpoints?.forEach(({ addresses }, i) => {
    addresses?.forEach((address, j) => {
      for (const text of addressWarnings(`endpoints[${i}].addresses[${j}]`, address)) warn(text);
    });
  });
}

export const endpointSlices = defineBuiltIn<Slice>('discovery.k8s.io', 'v1', 'endpointslices', {
  prepareForCreate: (slice) => dropTopology(slice),
  prepareForUpdate(slice, old) {
    if (!sameValue(slice.endpoints, old.endpoints)) {
      slice.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
      dropTopology(slice, old);
    }
    if (!jsonEqual(slice.metadata?.labels ?? {}, old.metadata?.labels ?? {}))
      slice.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
  },
  validateCreate(slice, context) {
    const errors = validate(slice);
    if (errors.length > 0) return errors;
    if (slice.addressType === 'FQDN') context.warn('spec.addressType: FQDN endpoints are deprecated');
    warnOfAddresses(slice, context.warn);
    return errors;
  },
  validateUpdate(slice, old, { warn }) {
    const errors = validate(slice, old);
    if (errors.length === 0) warnOfAddresses(slice, warn);
    return errors;
  },
  columns: withNameAndAge<Slice>(
    text('AddressType', ({ addressType }) => addressType ?? ''),
    text('Ports', ({ ports }) => some((ports ?? []).map(({ port, name }) => String(port ?? name ?? '*')))),
    text('Endpoints', ({ endpoints }) => some((endpoints ?? []).flatMap(({ addresses }) => addresses ?? []))),
  ),
});
