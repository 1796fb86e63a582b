// Environment variables and where their values come from (apis/core/validation ValidateEnv, ValidateEnvFrom).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isConfigKey, isDns1123Label, isEnvVarName, isQualifiedName, nameIsSubdomain } from '../formats.ts';
import { quantityNano } from '../quantities.ts';
import { checkNoBacksteps } from './paths.ts';

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
/** Labels that the downward API converts at all (apis/core/pods ConvertDownwardAPIFieldLabel). */
const CONVERTIBLE = new Set([...ENV_FIELDS, ...VOLUME_FIELDS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'spec.host']);
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const HUGE_PAGES = /^(requests|limits)\.hugepages-/;
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

export function checkEnv(errors: Errors, path: string, variables: readonly corev1.EnvVar[] | undefined): void {
  if (!variables) return;
  for (let i = 0; i < variables.length; i++) {
    const variable = variables[i]!;
    if (!variable.name) errors.push(fieldError.required(`${path}[${i}].name`));
    else complain(errors, `${path}[${i}].name`, variable.name, isEnvVarName(variable.name));
    if (variable.valueFrom) checkValueFrom(errors, `${path}[${i}].valueFrom`, variable, variable.valueFrom);
  }
}

function checkValueFrom(errors: Errors, path: string, variable: corev1.EnvVar, from: corev1.EnvVarSource): void {
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    checkFieldRef(errors, `${path}.fieldRef`, from.fieldRef, ENV_FIELDS);
  }
  if (from.resourceFieldRef) {
    sources++;
    checkResourceFieldRef(errors, `${path}.resourceFieldRef`, from.resourceFieldRef, false);
  }
  for (const name of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const reference = from[name];
    if (!reference) continue;
    sources++;
    complain(errors, `${path}.${name}.name`, reference.name ?? '', nameIsSubdomain(reference.name ?? '', false));
    if (!reference.key) errors.push(fieldError.required(`${path}.${name}.key`));
    else complain(errors, `${path}.${name}.key`, reference.key, isConfigKey(reference.key));
  }
  if (from.fileKeyRef) {
    sources++;
    checkFileKeyRef(errors, `${path}.fileKeyRef`, from.fileKeyRef);
  }
  if (sources === 0) {
    const why = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(fieldError.invalid(path, '', why));
  } else if (variable.value) {
    errors.push(fieldError.invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    errors.push(fieldError.invalid(path, '', 'may not have more than one field specified at a time'));
  }
}

function checkFileKeyRef(errors: Errors, path: string, reference: corev1.FileKeySelector): void {
  if (!reference.key) errors.push(fieldError.required(`${path}.key`));
  else complain(errors, `${path}.key`, reference.key, isEnvVarName(reference.key));
  if (!reference.volumeName) errors.push(fieldError.required(`${path}.volumeName`));
  else complain(errors, `${path}.volumeName`, reference.volumeName, isDns1123Label(reference.volumeName));
  if (!reference.path) errors.push(fieldError.required(`${path}.path`));
  else checkNoBacksteps(errors, `${path}.path`, reference.path);
}

function checkFieldRef(errors: Errors, path: string, reference: corev1.ObjectFieldSelector, known: readonly string[]): void {
  const { apiVersion = 'v1', fieldPath } = reference;
  if (!fieldPath) {
    errors.push(fieldError.required(`${path}.fieldPath`));
    return;
  }
  if (apiVersion !== 'v1') {
    const why = `error converting fieldPath: unsupported pod version: ${apiVersion}`;
    errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, why));
    return;
  }
  const subscripted = /^(.*)\['(.*)'\]$/.exec(fieldPath);
  if (subscripted) {
    const [, base = '', key = ''] = subscripted;
    if (base === 'metadata.annotations') complain(errors, path, key.toLowerCase(), isQualifiedName(key.toLowerCase()));
    else if (base === 'metadata.labels') complain(errors, path, key, isQualifiedName(key));
    else if (!CONVERTIBLE.has(base)) unknownField(errors, path, fieldPath);
    else errors.push(fieldError.invalid(path, base, 'does not support subscript'));
  } else if (!CONVERTIBLE.has(fieldPath)) {
    unknownField(errors, path, fieldPath);
  } else if (!known.includes(fieldPath)) {
    errors.push(fieldError.notSupported(`${path}.fieldPath`, fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath, known));
  }
}

function unknownField(errors: Errors, path: string, fieldPath: string): void {
  const why = `error converting fieldPath: field label not supported: ${fieldPath}`;
  errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, why));
}

function checkResourceFieldRef(errors: Errors, path: string, reference: corev1.ResourceFieldSelector, inVolume: boolean): void {
  const { resource = '', divisor } = reference;
  if (inVolume && !reference.containerName) errors.push(fieldError.required(`${path}.containerName`));
  else if (!resource) errors.push(fieldError.required(`${path}.resource`));
  else if (!RESOURCES.includes(resource) && !HUGE_PAGES.test(resource)) {
    errors.push(fieldError.notSupported(`${path}.resource`, resource, RESOURCES));
  }
  const nano = divisor === undefined ? 0n : quantityNano(divisor);
  if (nano === 0n || !(RESOURCES.includes(resource) || HUGE_PAGES.test(resource))) return;
  const isCpu = resource.endsWith('.cpu');
  const allowed = isCpu ? ['1m', '1'] : BYTE_DIVISORS;
  if (allowed.some((text) => quantityNano(text) === nano)) return;
  const [list, subject] = isCpu
    ? ['1m and 1', 'the cpu resource']
    : [
        BYTE_DIVISORS.join(', '),
        HUGE_PAGES.test(resource)
          ? 'the hugepages resource'
          : resource.endsWith('.memory')
            ? 'the memory resource'
            : 'the local ephemeral storage resource',
      ];
  errors.push(fieldError.invalid(`${path}.divisor`, resource, `only divisor's values ${list} are supported with ${subject}`));
}

export function checkEnvFrom(errors: Errors, path: string, sources: readonly corev1.EnvFromSource[] | undefined): void {
  sources?.forEach((source, i) => {
    if (source.prefix) complain(errors, `${path}[${i}].prefix`, source.prefix, isEnvVarName(source.prefix));
    let count = 0;
    for (const name of ['configMapRef', 'secretRef'] as const) {
      const reference = source[name];
      if (!reference) continue;
      count++;
      const at = `${path}[${i}].${name}.name`;
      if (!reference.name) errors.push(fieldError.required(at));
      else complain(errors, at, reference.name, nameIsSubdomain(reference.name, true));
    }
    if (count === 0) errors.push(fieldError.invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) errors.push(fieldError.invalid(path, '', 'may not have more than one field specified at a time'));
  });
}

/** A file of a downwardAPI volume or projection. Upstream gives the volume's path, without an index. */
export function checkDownwardFile(errors: Errors, path: string, file: corev1.DownwardAPIVolumeFile): void {
  if (file.fieldRef) {
    checkFieldRef(errors, `${path}.fieldRef`, file.fieldRef, VOLUME_FIELDS);
    if (file.resourceFieldRef) {
      errors.push(fieldError.invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (file.resourceFieldRef) {
    checkResourceFieldRef(errors, `${path}.resourceFieldRef`, file.resourceFieldRef, true);
  } else {
    errors.push(fieldError.required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
}
