// Cluster IPs and IP families of Services (apis/core/validation ValidateServiceClusterIPsRelatedFields and upgrades).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { checkAddress } from '../../rules/addresses.ts';
import { type Errors, maybeOneOf } from '../../rules/errors.ts';
import { familyOf, isHeadless } from './kinds.ts';

type Spec = corev1.ServiceSpec;
const IPS = 'spec.clusterIPs';

export function checkFamilies(errors: Errors, spec: Spec, old: Spec | undefined): void {
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (!ips.length) errors.push(fieldError.required(IPS));
    else if (ips[0] !== spec.clusterIP) errors.push(fieldError.invalid(IPS, ips, 'first value must match `clusterIP`'));
  } else if (ips.length) {
    errors.push(fieldError.invalid(IPS, ips, 'must be empty when `clusterIP` is not specified'));
  }
  const seen = new Set<string>();
  spec.ipFamilies?.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') {
      errors.push(fieldError.notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']));
    }
    if (seen.has(family)) errors.push(fieldError.duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  maybeOneOf(errors, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  if (checkIps(errors, ips, old?.clusterIPs)) checkIpFamilies(errors, spec, ips);
}

function checkIps(errors: Errors, ips: readonly string[], before: readonly string[] | undefined): boolean {
  let valid = true;
  ips.forEach((ip, i) => {
    const count = errors.length;
    if (i === 0 && ip === 'None') {
      if (ips.length > 1) errors.push(fieldError.invalid(IPS, ips, "'None' must be the first and only value"));
    } else checkAddress(errors, `${IPS}[${i}]`, ip, before);
    valid &&= errors.length === count;
  });
  if (ips.length > 2) errors.push(fieldError.invalid(IPS, ips, 'may only hold up to 2 values'));
  return valid;
}

function checkIpFamilies(errors: Errors, spec: Spec, ips: readonly string[]): void {
  if (ips.length > 1 && new Set(ips.map(familyOf)).size !== 2) {
    errors.push(fieldError.invalid(IPS, ips, 'may specify no more than one IP for each IP family'));
  }
  if (isHeadless(spec)) return;
  ips.forEach((ip, i) => {
    const family = spec.ipFamilies?.[i];
    if ((family === 'IPv4' || family === 'IPv6') && familyOf(ip) !== family) {
      errors.push(fieldError.invalid(`${IPS}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
    }
  });
}

/** What an update may not change: the primary address and family, and the second one only by the policy. */
export function checkFamilyChanges(errors: Errors, spec: Spec, before: Spec): void {
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return;
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(before)];
  if (!headless || !wasHeadless) checkIpChanges(errors, spec, before);
  if (!headless && !wasHeadless) checkFamilyListChanges(errors, spec, before);
}

function checkIpChanges(errors: Errors, spec: Spec, before: Spec): void {
  const [now, old] = [spec.clusterIPs ?? [], before.clusterIPs ?? []];
  const changed = (i: number) => errors.push(fieldError.invalid(`${IPS}[${i}]`, now, 'may not change once set'));
  if (old.length === now.length) {
    old.forEach((ip, i) => {
      if (ip !== now[i]) changed(i);
    });
    return;
  }
  if (old.length > now.length && !now.length) errors.push(fieldError.invalid(`${IPS}[0]`, now, 'primary clusterIP can not be unset'));
  if (old.length && now.length && now[0] !== old[0]) changed(0);
  if (old.length > now.length && now.length === 1) checkRelease(errors, spec, 'clusterIP');
}

function checkFamilyListChanges(errors: Errors, spec: Spec, before: Spec): void {
  const [now, old] = [spec.ipFamilies ?? [], before.ipFamilies ?? []];
  const path = 'spec.ipFamilies[0]';
  if (old.length === now.length) {
    old.forEach((family, i) => {
      if (family !== now[i]) errors.push(fieldError.invalid(path, now, 'may not change once set'));
    });
    return;
  }
  if (old.length > now.length && !spec.clusterIPs?.length) errors.push(fieldError.invalid(path, now, 'primary ipFamily can not be unset'));
  if (old.length && now.length && now[0] !== old[0]) {
    errors.push(fieldError.invalid(path, spec.clusterIPs ?? [], 'may not change once set'));
  }
  if (old.length > now.length && now.length === 1) checkRelease(errors, spec, 'ipFamily');
}

function checkRelease(errors: Errors, spec: Spec, what: string): void {
  if (spec.ipFamilyPolicy === 'SingleStack') return;
  const why = `must be set to 'SingleStack' when releasing the secondary ${what}`;
  errors.push(fieldError.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, why));
}
