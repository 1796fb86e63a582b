// ServiceCIDRs and IPAddresses (registry/networking/{servicecidr,ipaddress}, apis/networking/validation, printers).

import type { networkingv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { append } from '@tiphys/std';
import { defineBuiltIn } from '../built-in/base.ts';
import { canonicalAddressFault, checkCanonicalBlock } from '../rules/addresses.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isDns1123Subdomain, isPathSegment } from '../rules/formats.ts';

type ServiceCidr = networkingv1.ServiceCIDR;
type IpAddress = networkingv1.IPAddress;
const GROUP = 'networking.k8s.io';

function validateCidr({ spec }: ServiceCidr): Errors {
  const errors: Errors = [];
  const cidrs = spec?.cidrs ?? [];
  if (!cidrs.length) return [fieldError.required('spec.cidrs', 'at least one CIDR required')];
  if (cidrs.length > 2) return [fieldError.invalid('spec.cidrs', { CIDRs: cidrs }, 'may only hold up to 2 values')];
  const blocks = cidrs.map((cidr, i) => checkCanonicalBlock(errors, `spec.cidrs[${i}]`, cidr));
  if (cidrs.length === 2 && blocks[0] && blocks[0].family === blocks[1]?.family) {
    const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(fieldError.invalid('spec.cidrs', cidrs, why));
  }
  return errors;
}

export const serviceCidrs = defineBuiltIn<ServiceCidr>(GROUP, 'v1', 'servicecidrs', {
  prepareForCreate(object) {
    object.status = {};
  },
  validateCreate: validateCidr,
  validateUpdate(object, old) {
    const errors: Errors = [];
    const [now, before] = [object.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
    // A second one may be added, of the other family.
    const grows = before.length === 1 && now.length === 2;
    if (now.length !== before.length && !grows) return [fieldError.invalid('spec.cidrs', now, IMMUTABLE)];
    before.forEach((cidr, i) => {
      if (now[i] !== cidr) errors.push(fieldError.invalid(`spec.cidrs[${i}]`, now[i], IMMUTABLE));
    });
    if (grows) append(errors, validateCidr(object));
    return errors;
  },
  columns: withNameAndAge<ServiceCidr>(text('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(','))),
});

/** An address object is named by its address in canonical form. */
function addressName(name: string): string[] {
  const fault = canonicalAddressFault(name);
  return fault === undefined ? [] : [fault];
}

function validateAddress({ spec }: IpAddress): Errors {
  const errors: Errors = [];
  const reference = spec?.parentRef;
  if (!reference) return [fieldError.required('spec.parentRef')];
  for (const name of ['resource', 'name'] as const) {
    const value = reference[name];
    if (!value) errors.push(fieldError.required(`spec.parentRef.${name}`));
    else complain(errors, `spec.parentRef.${name}`, value, isPathSegment(value));
  }
  for (const name of ['group', 'namespace'] as const) {
    const value = reference[name];
    if (value) complain(errors, `spec.parentRef.${name}`, value, name === 'group' ? isDns1123Subdomain(value) : isPathSegment(value));
  }
  return errors;
}

function parentText({ spec }: IpAddress): string {
  const reference = spec?.parentRef;
  if (!reference) return NONE;
  const resource = `${reference.resource}${reference.group ? `.${reference.group}` : ''}`.toLowerCase();
  return [resource, ...(reference.namespace ? [reference.namespace] : []), reference.name].join('/');
}

export const ipAddresses = defineBuiltIn<IpAddress>(GROUP, 'v1', 'ipaddresses', {
  validateName: addressName,
  takesPrefixAsName: true,
  validateCreate: validateAddress,
  validateUpdate(object, old) {
    const errors = validateAddress(object);
    if (!sameValue(object.spec?.parentRef, old.spec?.parentRef)) {
      const { group = '', resource = '', namespace = '', name = '' } = object.spec?.parentRef ?? {};
      const shown = object.spec?.parentRef ? { Group: group, Resource: resource, Namespace: namespace, Name: name } : null;
      errors.push(fieldError.invalid('spec.parentRef', shown, IMMUTABLE));
    }
    return errors;
  },
  selectableFields: ({ spec }) => ({
    'spec.parentRef.group': spec?.parentRef?.group ?? '',
    'spec.parentRef.resource': spec?.parentRef?.resource ?? '',
    'spec.parentRef.namespace': spec?.parentRef?.namespace ?? '',
    'spec.parentRef.name': spec?.parentRef?.name ?? '',
  }),
  columns: withNameAndAge<IpAddress>(text('ParentRef', parentText)),
});
