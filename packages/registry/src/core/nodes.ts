// Nodes (registry/core/node/strategy.go, apis/core/validation ValidateNode, printers printNode).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { checkBlock } from '../rules/addresses.ts';
import { NONE, text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import type { Errors } from '../rules/errors.ts';
import { isLabelValue } from '../rules/formats.ts';
import { checkLabelName } from '../rules/labels.ts';
import { checkTaintEffect } from '../rules/pod/placement.ts';
import { checkResourceQuantity } from '../rules/pod/resources.ts';

type Node = corev1.Node;
const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE = 'kubernetes.io/role';

function checkTaints(errors: Errors, taints: readonly corev1.Taint[] | undefined): void {
  const seen = new Set<string>();
  taints?.forEach((taint, i) => {
    const { key = '', value = '', effect = '' } = taint;
    // Upstream gives the path as metadata.taints, though the field is in the spec.
    const at = `metadata.taints[${i}]`;
    checkLabelName(errors, `${at}.key`, key);
    const wrong = isLabelValue(value);
    if (wrong.length) errors.push(fieldError.invalid(`${at}.value`, value, wrong.join(';')));
    checkTaintEffect(errors, `${at}.effect`, effect);
    const id = `${effect}/${key}`;
    if (seen.has(id)) {
      const duplicate = fieldError.duplicate(at, taint);
      errors.push({ ...duplicate, message: `${duplicate.message}: taints must be unique by key and effect pair` });
    }
    seen.add(id);
  });
}

function checkResources(errors: Errors, { status }: Node): void {
  for (const kind of ['capacity', 'allocatable'] as const) {
    for (const name in status?.[kind]) checkResourceQuantity(errors, `status.${kind}.${name}`, name, status[kind]![name]);
  }
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z0-9]+)*$/;
const FEATURE_WORDS =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
const FEATURE_LENGTH_MAX = 253;

function checkFeatures(errors: Errors, { status }: Node): void {
  status?.declaredFeatures?.forEach((feature, i, all) => {
    const at = `status.declaredFeatures[${i}]`;
    const quoted = JSON.stringify(feature);
    if (feature.length > FEATURE_LENGTH_MAX) {
      errors.push(fieldError.invalid(at, feature, `invalid feature name ${quoted}: must be no more than ${FEATURE_LENGTH_MAX} characters`));
    } else if (!FEATURE.test(feature)) errors.push(fieldError.invalid(at, feature, `invalid feature name ${quoted}: ${FEATURE_WORDS}`));
    const next = all[i + 1];
    if (next === feature) errors.push(fieldError.duplicate(`status.declaredFeatures[${i + 1}]`, next));
    else if (next !== undefined && feature > next) {
      errors.push(fieldError.invalid(`status.declaredFeatures[${i + 1}]`, next, 'list must be sorted alphabetically'));
    }
  });
}

function checkUpdate(errors: Errors, { spec, status }: Node, old: Node): void {
  const seen = new Set<string>();
  status?.addresses?.forEach((address, i) => {
    const id = JSON.stringify([address.type, address.address]);
    if (seen.has(id)) errors.push(fieldError.duplicate(`status.addresses[${i}]`, address));
    seen.add(id);
  });
  if (old.spec?.podCIDRs?.length && !sameValue(old.spec.podCIDRs, spec?.podCIDRs)) {
    errors.push(fieldError.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.spec?.providerID && old.spec.providerID !== spec?.providerID) {
    errors.push(fieldError.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  if ((spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) errors.push(fieldError.forbidden('spec.externalID', 'may not be updated'));
}

function checkPodCidrs(errors: Errors, cidrs: readonly string[]): void {
  const path = 'spec.podCIDRs';
  const faulty = cidrs.map((cidr, i) => {
    const before = errors.length;
    checkBlock(errors, `${path}[${i}]`, cidr, undefined);
    return errors.length > before;
  });
  if (cidrs.length < 2) return;
  const bad = faulty.indexOf(true);
  if (bad >= 0) {
    const why = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
    errors.push(fieldError.internal(path, `invalid PodCIDRs. failed to check with dual stack with error:${why}`));
  }
  const families = new Set(cidrs.map((cidr) => cidr.includes(':')));
  if (bad >= 0 || families.size < 2 || cidrs.length > 2) {
    errors.push(fieldError.invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
}

function validate(node: Node, old?: Node): Errors {
  const errors: Errors = [];
  checkResources(errors, node);
  checkFeatures(errors, node);
  checkTaints(errors, node.spec?.taints);
  if (old) checkUpdate(errors, node, old);
  if (!old) checkPodCidrs(errors, node.spec?.podCIDRs ?? []);
  return errors;
}

function statusText({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

function roles({ metadata }: Node): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) found.add(key.slice(ROLE_PREFIX.length));
    else if (key === ROLE && value) found.add(value);
  }
  return [...found].sort().join(',') || NONE;
}

const address = ({ status }: Node, type: string) => status?.addresses?.find((each) => each.type === type)?.address ?? NONE;

function kernel({ status }: Node): string {
  const { kernelVersion, architecture } = status?.nodeInfo ?? {};
  return `${kernelVersion || '<unknown>'}${architecture ? ` (${architecture})` : ''}`;
}

/** Pod ranges are written twice, for clients of one family and of two. */
function syncPodCidrs({ spec }: Node): void {
  if (spec?.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec?.podCIDRs?.length && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0]!;
}

function warnOfDeprecated({ spec }: Node, warn: (text: string) => void): void {
  if (spec?.configSource) warn('spec.configSource: the spec.configSource field is deprecated and is not functional');
  if (spec?.externalID) warn('spec.externalID: this field is deprecated, and is unused by Kubernetes');
}

export const nodes = defineBuiltIn<Node>('', 'v1', 'nodes', {
  prepareForCreate(node) {
    delete node.spec?.configSource;
    syncPodCidrs(node);
  },
  prepareForUpdate(node, old) {
    if (!old.spec?.configSource) delete node.spec?.configSource;
    node.status = old.status;
    syncPodCidrs(node);
  },
  validateCreate(node, { warn }) {
    const errors = validate(node);
    if (errors.length === 0) warnOfDeprecated(node, warn);
    return errors;
  },
  validateUpdate(node, old, { warn }) {
    const errors = validate(node, old);
    if (errors.length === 0) warnOfDeprecated(node, warn);
    return errors;
  },
  status: { validateUpdate: (node, old) => validate(node, old) },
  selectableFields: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable ?? false) }),
  columns: [
    ...withNameAndAge<Node>(text('Status', statusText), text('Roles', roles)),
    text<Node>('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
    wide(text<Node>('Internal-IP', (node) => address(node, 'InternalIP'))),
    wide(text<Node>('External-IP', (node) => address(node, 'ExternalIP'))),
    wide(text<Node>('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>')),
    wide(text<Node>('Kernel-Version', kernel)),
    wide(text<Node>('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>')),
  ],
});
