// Endpoints (registry/core/endpoint/strategy.go, apis/core/validation ValidateEndpoints, printers printEndpoints).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { addressWarnings, checkAddress } from '../rules/addresses.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, oneOf } from '../rules/errors.ts';
import { isDns1123Label, isPort, isQualifiedName, nameIsSubdomain } from '../rules/formats.ts';
import { checkAddressUse } from './service/address-use.ts';

type Endpoints = corev1.Endpoints;
const SHOWN_MAX = 3;
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const CONTROLLER = 'endpoint-controller';

function checkEndpoint(errors: Errors, path: string, address: corev1.EndpointAddress): void {
  checkAddress(errors, `${path}.ip`, address.ip);
  if (address.hostname) complain(errors, `${path}.hostname`, address.hostname, isDns1123Label(address.hostname));
  if (address.nodeName !== undefined) complain(errors, `${path}.nodeName`, address.nodeName, nameIsSubdomain(address.nodeName, false));
  checkAddressUse(errors, `${path}.ip`, address.ip ?? '');
}

function checkPort(errors: Errors, path: string, port: corev1.EndpointPort, needsName: boolean): void {
  if (!port.name) {
    if (needsName) errors.push(fieldError.required(`${path}.name`));
  } else complain(errors, `${path}.name`, port.name, isDns1123Label(port.name));
  complain(errors, `${path}.port`, port.port ?? 0, isPort(port.port ?? 0));
  oneOf(errors, `${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  if (port.appProtocol !== undefined) complain(errors, `${path}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
}

function validate({ subsets }: Endpoints): Errors {
  const errors: Errors = [];
  subsets?.forEach(({ addresses = [], notReadyAddresses = [], ports = [] }, i) => {
    const at = `subsets[${i}]`;
    if (!addresses.length && !notReadyAddresses.length) {
      errors.push(fieldError.required(at, 'must specify `addresses` or `notReadyAddresses`'));
    }
    addresses.forEach((address, j) => {
      checkEndpoint(errors, `${at}.addresses[${j}]`, address);
    });
    notReadyAddresses.forEach((address, j) => {
      checkEndpoint(errors, `${at}.notReadyAddresses[${j}]`, address);
    });
    ports.forEach((port, j) => {
      checkPort(errors, `${at}.ports[${j}]`, port, ports.length > 1);
    });
  });
  return errors;
}

function endpointsText({ subsets }: Endpoints): string {
  if (!subsets?.length) return NONE;
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length
      ? ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)))
      : addresses.map(({ ip }) => ip),
  );
  const shown = all.slice(0, SHOWN_MAX).join(',');
  return all.length > SHOWN_MAX ? `${shown} + ${all.length - SHOWN_MAX} more...` : shown;
}

/** Advice about addresses; the controller's are always as they should be. */
function warnOfAddresses({ metadata, subsets }: Endpoints, warn: (text: string) => void): void {
  if (metadata?.labels?.[MANAGED_BY] === CONTROLLER) return;
  subsets?.forEach((subset, i) => {
    for (const name of ['addresses', 'notReadyAddresses'] as const) {
      subset[name]?.forEach(({ ip }, j) => {
        for (const text of addressWarnings(`subsets[${i}].${name}[${j}].ip`, ip)) warn(text);
      });
    }
  });
}

export const endpoints = defineBuiltIn<Endpoints>('', 'v1', 'endpoints', {
  warning: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  validateCreate(object, { warn }) {
    const errors = validate(object);
    if (errors.length === 0) warnOfAddresses(object, warn);
    return errors;
  },
  validateUpdate(object, old, { warn }) {
    const errors = sameValue(object.subsets, old.subsets) ? [] : validate(object);
    if (errors.length === 0) warnOfAddresses(object, warn);
    return errors;
  },
  columns: withNameAndAge<Endpoints>(text('Endpoints', endpointsText)),
});
