// Projected volumes: several sources in one folder (apis/core/validation validateProjectionSources).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../errors.ts';
import { nameIsSubdomain } from '../formats.ts';
import { checkLabelSelector } from '../labels.ts';
import { checkDownwardFile } from './environment.ts';
import { checkNonReserved } from './paths.ts';

const MODE_MAX = 0o777;
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const CERTIFICATE_SECONDS_MIN = 3600;

export function checkMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode > MODE_MAX || mode < 0)) {
    errors.push(fieldError.invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
  }
}

/** Complains when a path is used a second time within the volume. */
type Claim = (path: string | undefined, shown?: string) => void;

function checkToken(errors: Errors, path: string, volumePath: string, token: corev1.ServiceAccountTokenProjection): void {
  const seconds = token.expirationSeconds ?? 3600;
  if (seconds < TOKEN_SECONDS_MIN) {
    errors.push(fieldError.invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
  }
  if (seconds > TOKEN_SECONDS_MAX) {
    errors.push(fieldError.invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  if (!token.path) errors.push(fieldError.required(`${volumePath}.path`));
  else checkNonReserved(errors, `${volumePath}.path`, token.path);
}

function checkTrustBundle(errors: Errors, path: string, source: corev1.ClusterTrustBundleProjection, claim: Claim): void {
  const { name, signerName } = source;
  if (name !== undefined && signerName !== undefined) {
    errors.push(fieldError.invalid(path, source, 'only one of name and signerName may be used'));
  } else if (name !== undefined) {
    if (name === '') errors.push(fieldError.required(`${path}.name`, 'must be a valid object name'));
    for (const message of nameIsSubdomain(name.split(':').pop() ?? '', false)) {
      errors.push(fieldError.invalid(`${path}.name`, name, `not a valid clustertrustbundlename: ${message}`));
    }
    if (source.labelSelector) {
      const why = 'labelSelector must be unset if name is specified';
      errors.push(fieldError.invalid(`${path}.labelSelector`, source.labelSelector, why));
    }
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(fieldError.required(`${path}.signerName`, 'must be a valid signer name'));
    checkLabelSelector(errors, `${path}.labelSelector`, source.labelSelector);
  } else {
    errors.push(fieldError.required(path, 'either name or signerName must be specified'));
  }
  if (!source.path) errors.push(fieldError.required(`${path}.path`));
  checkNonReserved(errors, `${path}.path`, source.path ?? '');
  claim(source.path);
}

function checkCertificate(errors: Errors, path: string, source: corev1.PodCertificateProjection, claim: Claim): void {
  if (!source.signerName) errors.push(fieldError.required(`${path}.signerName`));
  if (!KEY_TYPES.includes(source.keyType)) errors.push(fieldError.notSupported(`${path}.keyType`, source.keyType ?? '', KEY_TYPES));
  const seconds = source.maxExpirationSeconds;
  if (seconds !== undefined && seconds < CERTIFICATE_SECONDS_MIN) {
    errors.push(fieldError.invalid(`${path}.maxExpirationSeconds`, seconds, 'if provided, maxExpirationSeconds must be >= 3600'));
  }
  let paths = 0;
  for (const name of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    if (!source[name]) continue;
    paths++;
    checkNonReserved(errors, `${path}.${name}`, source[name]);
    claim(source[name]);
  }
  if (!paths) {
    const why = 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath';
    errors.push(fieldError.required(path, why));
  }
}

type CheckItem = (errors: Errors, path: string, item: corev1.KeyToPath) => void;

export function checkProjected(errors: Errors, path: string, volume: corev1.ProjectedVolumeSource, checkItem: CheckItem): void {
  checkMode(errors, `${path}.defaultMode`, volume.defaultMode);
  const seen = new Set<string>();
  const claim: Claim = (value, shown = value) => {
    if (!value) return;
    if (seen.has(value)) errors.push(fieldError.invalid(path, shown, 'conflicting duplicate paths'));
    else seen.add(value);
  };
  volume.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`;
    let count = 0;
    for (const kind of ['secret', 'configMap'] as const) {
      const keyed = source[kind];
      if (!keyed) continue;
      count++;
      if (!keyed.name) errors.push(fieldError.required(`${at}.${kind}.name`));
      keyed.items?.forEach((item, j) => {
        checkItem(errors, `${at}.${kind}.items[${j}]`, item);
        claim(item.path, keyed.name ?? '');
      });
    }
    if (source.downwardAPI) {
      count++;
      for (const file of source.downwardAPI.items ?? []) {
        if (!file.path) errors.push(fieldError.required(`${at}.downwardAPI.path`));
        checkNonReserved(errors, `${at}.downwardAPI.path`, file.path ?? '');
        checkDownwardFile(errors, `${at}.downwardAPI`, file);
        checkMode(errors, `${at}.downwardAPI.mode`, file.mode);
        claim(file.path);
      }
    }
    if (source.serviceAccountToken) {
      count++;
      checkToken(errors, `${at}.serviceAccountToken`, path, source.serviceAccountToken);
    }
    if (source.clusterTrustBundle) {
      count++;
      checkTrustBundle(errors, `${at}.clusterTrustBundle`, source.clusterTrustBundle, claim);
    }
    if (source.podCertificate) {
      count++;
      checkCertificate(errors, `${at}.podCertificate`, source.podCertificate, claim);
    }
    if (count > 1) errors.push(fieldError.forbidden(at, 'may not specify more than 1 volume type per source'));
  });
}
