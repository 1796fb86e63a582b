// Fills in a Service's IP families and policy before addresses are allocated (registry/core/service/storage/alloc.go initIPFamilyFields).
import type { corev1 } from '@tiphys/api';
import { type FieldError, fieldError, statusError } from '@tiphys/machinery';
import { checkFamilies } from './family-rules.ts';
import { type Family, familyOf, sameList } from './kinds.ts';

type Spec = corev1.ServiceSpec;

function refuse(name: string, errors: readonly FieldError[]): void {
  if (errors.length) throw statusError.invalid({ group: '', kind: 'Service' }, name, errors);
}

/** A dual-stack preference that stays as it is asks for nothing. */
export function keepsPreference(spec: Spec, old: Spec | undefined): boolean {
  return (
    old !== undefined &&
    spec.ipFamilyPolicy === 'PreferDualStack' &&
    old.type === spec.type &&
    spec.type !== 'ExternalName' &&
    (old.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack' &&
    sameList(old.clusterIPs, spec.clusterIPs) &&
    sameList(old.ipFamilies, spec.ipFamilies)
  );
}

const otherFamily = (family: string): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');

export function fillFamilies(spec: Spec, old: Spec | undefined, name: string, families: readonly Family[]): void {
  if (spec.type === 'ExternalName' || keepsPreference(spec, old)) return;
  const headlessWithoutSelector = spec.clusterIP === 'None' && !Object.keys(spec.selector ?? {}).length;
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (headlessWithoutSelector ? 'RequireDualStack' : 'SingleStack');
  const errors: FieldError[] = [];
  checkFamilies(errors, spec, old);
  refuse(name, errors);
  if (old) releaseSecond(errors, spec, old);
  const policy = spec.ipFamilyPolicy;
  if (policy === 'SingleStack') {
    for (const [list, what] of [
      [spec.clusterIPs, 'cluster IPs'],
      [spec.ipFamilies, 'IP families'],
    ] as const) {
      if (list?.length !== 2) continue;
      const why = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
      errors.push(fieldError.invalid('spec.ipFamilyPolicy', policy, why));
    }
  }
  familiesOfAddresses(errors, spec, families);
  refuse(name, errors);
  if (headlessWithoutSelector) {
    const first = spec.ipFamilies?.[0] ?? families[0]!;
    spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [first];
    if (spec.ipFamilies.length < 2 && policy !== 'SingleStack') spec.ipFamilies = [first, otherFamily(first)];
    return;
  }
  if (policy === 'RequireDualStack' && families.length < 2) {
    errors.push(fieldError.invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services'));
  }
  spec.ipFamilies?.forEach((family, i) => {
    if (families.includes(family as Family)) return;
    errors.push(fieldError.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  refuse(name, errors);
  if (!spec.ipFamilies?.length) spec.ipFamilies = [families[0]!];
  if (policy !== 'SingleStack' && spec.ipFamilies.length === 1 && families.length === 2) {
    spec.ipFamilies = [spec.ipFamilies[0]!, otherFamily(spec.ipFamilies[0]!)];
  }
}

function releaseSecond(errors: FieldError[], spec: Spec, old: Spec): void {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameList(old.clusterIPs, spec.clusterIPs) && (spec.clusterIPs?.length ?? 0) > 1) spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
    if (sameList(old.ipFamilies, spec.ipFamilies) && (spec.ipFamilies?.length ?? 0) > 1) spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
    return;
  }
  for (const [name, what] of [
    ['clusterIPs', 'cluster IP'],
    ['ipFamilies', 'IP family'],
  ] as const) {
    const count = spec[name]?.length ?? 0;
    if (!count || count >= (old[name]?.length ?? 0)) continue;
    const why = `must be 'SingleStack' to release the secondary ${what}`;
    errors.push(fieldError.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, why));
  }
}

/** Families follow from the addresses that are given. */
function familiesOfAddresses(errors: FieldError[], spec: Spec, families: readonly Family[]): void {
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') return;
    const family = familyOf(ip);
    if (i < (spec.ipFamilies?.length ?? 0)) continue;
    if (families.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else errors.push(fieldError.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
  }
}
