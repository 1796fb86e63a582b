// Ingresses (registry/networking/ingress, apis/networking/validation, printers printIngress).
import type { corev1, networkingv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { balancerWarnings, checkAddress, parseAddress } from '../rules/addresses.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors } from '../rules/errors.ts';
import {
  isDns1123Subdomain,
  isPathSegment,
  isPort,
  isPortName,
  isWildcardSubdomain,
  nameIsLabel,
  nameIsSubdomain,
} from '../rules/formats.ts';

type Ingress = networkingv1.Ingress;
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const INVALID_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const INVALID_SUFFIXES = ['/..', '/.'];
const HOSTS_SHOWN_MAX = 3;

export function checkReference(errors: Errors, path: string, reference: corev1.TypedLocalObjectReference): void {
  const { apiGroup, kind = '', name = '' } = reference;
  // A reference without a group is stored with null in its place.
  if (typeof apiGroup === 'string') complain(errors, `${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup));
  for (const [field, value] of [
    ['kind', kind],
    ['name', name],
  ] as const) {
    if (!value) errors.push(fieldError.required(`${path}.${field}`));
    else complain(errors, `${path}.${field}`, value, isPathSegment(value));
  }
}

function checkBackend(errors: Errors, path: string, backend: networkingv1.IngressBackend | undefined): void {
  const { resource, service } = backend ?? {};
  if (resource && service) errors.push(fieldError.invalid(path, '', 'cannot set both resource and service backends'));
  else if (resource) checkReference(errors, `${path}.resource`, resource);
  else if (!service) errors.push(fieldError.invalid(path, '', 'resource or service backend is required'));
  else {
    if (!service.name) errors.push(fieldError.required(`${path}.service.name`));
    else complain(errors, `${path}.service.name`, service.name, nameIsLabel(service.name, false));
    const { name, number } = service.port ?? {};
    if (name && number) errors.push(fieldError.invalid(path, '', 'cannot set both port name & port number'));
    else if (name) complain(errors, `${path}.service.port.name`, name, isPortName(name));
    else if (number) complain(errors, `${path}.service.port.number`, number, isPort(number));
    else errors.push(fieldError.required(path, 'port name or number is required'));
  }
}

function checkPath(errors: Errors, at: string, { path = '', pathType, backend }: networkingv1.HTTPIngressPath): void {
  if (pathType === undefined || pathType === null) {
    errors.push(fieldError.required(`${at}.pathType`, 'pathType must be specified'));
    return;
  }
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!path.startsWith('/')) errors.push(fieldError.invalid(`${at}.path`, path, 'must be an absolute path'));
    for (const part of INVALID_SEQUENCES) {
      if (path.includes(part)) errors.push(fieldError.invalid(`${at}.path`, path, `must not contain '${part}'`));
    }
    for (const part of INVALID_SUFFIXES) {
      if (path.endsWith(part)) errors.push(fieldError.invalid(`${at}.path`, path, `cannot end with '${part}'`));
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (path && !path.startsWith('/')) errors.push(fieldError.invalid(`${at}.path`, path, 'must be an absolute path'));
  } else errors.push(fieldError.notSupported(`${at}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  checkBackend(errors, `${at}.backend`, backend);
}

const hostFaults = (host: string) => (host.includes('*') ? isWildcardSubdomain(host) : isDns1123Subdomain(host));

function validate({ spec = {} }: Ingress): Errors {
  const errors: Errors = [];
  const rules = spec.rules ?? [];
  if (!rules.length && !spec.defaultBackend) {
    errors.push(fieldError.invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend) checkBackend(errors, 'spec.defaultBackend', spec.defaultBackend);
  rules.forEach(({ host, http }, i) => {
    const at = `spec.rules[${i}]`;
    if (host) {
      if (parseAddress(host)) errors.push(fieldError.invalid(`${at}.host`, host, 'must be a DNS name, not an IP address'));
      complain(errors, `${at}.host`, host, hostFaults(host));
    }
    if (!http) return;
    if (!http.paths?.length) errors.push(fieldError.required(`${at}.http.paths`));
    http.paths?.forEach((path, j) => {
      checkPath(errors, `${at}.http.paths[${j}]`, path);
    });
  });
  spec.tls?.forEach(({ hosts = [], secretName }, i) => {
    hosts.forEach((host, j) => {
      complain(errors, `spec.tls[${i}].hosts[${j}]`, host, hostFaults(host));
    });
    if (secretName) complain(errors, `spec.tls[${i}].secretName`, secretName, nameIsSubdomain(secretName, false));
  });
  const name = spec.ingressClassName;
  if (name !== undefined) complain(errors, 'spec.ingressClassName', name, nameIsSubdomain(name, false));
  return errors;
}

function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const named = rules.slice(0, HOSTS_SHOWN_MAX).flatMap(({ host }) => (host ? [host] : []));
  if (!named.length) return '*';
  const more = rules.length > HOSTS_SHOWN_MAX ? ` + ${rules.length - HOSTS_SHOWN_MAX} more...` : '';
  return named.join(',') + more;
}

function address({ status }: Ingress): string {
  const found = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean);
  return [...new Set(found)].sort().join(',');
}

export const ingresses = defineBuiltIn<Ingress>('networking.k8s.io', 'v1', 'ingresses', {
  prepareForCreate(ingress) {
    ingress.status = { loadBalancer: {} };
  },
  validateCreate(ingress, context) {
    const errors = validate(ingress);
    const annotation = ingress.metadata?.annotations?.[CLASS_ANNOTATION];
    const name = ingress.spec?.ingressClassName;
    if (annotation !== undefined && name !== undefined && annotation !== name) {
      const why = 'must match `ingressClassName` when both are specified';
      errors.push(fieldError.invalid(`annotations.${CLASS_ANNOTATION}`, annotation, why));
    }
    if (!errors.length && annotation !== undefined) {
      context.warn(`annotation ${JSON.stringify(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`);
    }
    return errors;
  },
  validateUpdate: validate,
  status: {
    validateUpdate({ status }, old, { warn }) {
      const errors: Errors = [];
      const before = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
      status?.loadBalancer?.ingress?.forEach(({ ip, hostname }, i) => {
        const at = `status.loadBalancer.ingress[${i}]`;
        if (ip) checkAddress(errors, `${at}.ip`, ip, before);
        if (!hostname) return;
        complain(errors, `${at}.hostname`, hostname, isDns1123Subdomain(hostname));
        if (parseAddress(hostname)) errors.push(fieldError.invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
      });
      if (errors.length === 0) for (const text of balancerWarnings(status?.loadBalancer)) warn(text);
      return errors;
    },
  },
  columns: withNameAndAge<Ingress>(
    text('Class', ({ spec }) => spec?.ingressClassName ?? NONE),
    text('Hosts', hosts),
    text('Address', address),
    text('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
  ),
});
