// Nodes (registry/core/node/strategy.go, apis/core/validation ValidateNode, printers printNode).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { blockWarnings, checkBlock } from '../rules/addresses.ts';
import { NONE, text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, positive } from '../rules/errors.ts';
import { isConfigKey, isLabelValue, nameIsLabel, nameIsSubdomain } from '../rules/formats.ts';
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

/** A specification names a key of a ConfigMap, a status the very object as well. */
function checkConfigSource(errors: Errors, path: string, source: corev1.NodeConfigSource, isStatus: boolean): void {
  const { configMap } = source;
  if (!configMap) {
    errors.push(fieldError.invalid(path, source, 'exactly one reference subfield must be non-nil'));
    return;
  }
  const at = `${path}.configMap`;
  for (const name of ['uid', 'resourceVersion'] as const) {
    if (isStatus && !configMap[name]) errors.push(fieldError.required(`${at}.${name}`));
    else if (!isStatus && configMap[name]) errors.push(fieldError.forbidden(`${at}.${name}`, `${name} must not be set in spec`));
  }
  for (const [name, rule] of [
    ['namespace', nameIsLabel],
    ['name', nameIsSubdomain],
    ['kubeletConfigKey', isConfigKey],
  ] as const) {
    const value = configMap[name];
    if (!value) errors.push(fieldError.required(`${at}.${name}`));
    else complain(errors, `${at}.${name}`, value, rule(value, false));
  }
}

function checkSwap(errors: Errors, { status }: Node): void {
  const capacity = status?.nodeInfo?.swap?.capacity;
  // Upstream gives the path as metadata.
  if (capacity !== undefined) positive(errors, 'metadata.nodeSwapStatus.capacity', capacity);
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
  if (spec?.configSource) checkConfigSource(errors, 'spec.configSource', spec.configSource, false);
  for (const name of ['assigned', 'active', 'lastKnownGood'] as const) {
    const source = status?.config?.[name];
    if (source) checkConfigSource(errors, `status.config.${name}`, source, true);
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

function validate(node: Node): Errors {
  const errors: Errors = [];
  checkTaints(errors, node.spec?.taints);
  checkResources(errors, node);
  checkSwap(errors, node);
  checkFeatures(errors, node);
  checkPodCidrs(errors, node.spec?.podCIDRs ?? []);
  return errors;
}

function validateUpdate(node: Node, old: Node): Errors {
  const errors: Errors = [];
  checkResources(errors, node);
  checkFeatures(errors, node);
  checkTaints(errors, node.spec?.taints);
  checkUpdate(errors, node, old);
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

function warnAbout({ spec }: Node, warn: (text: string) => void): void {
  if (spec?.configSource) warn('spec.configSource: the feature is removed');
  if (spec?.externalID) warn('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  spec?.podCIDRs?.forEach((cidr, i) => {
    for (const text of blockWarnings(`spec.podCIDRs[${i}]`, cidr)) warn(text);
  });
}

export const nodes = defineBuiltIn<Node>('', 'v1', 'nodes', {
  prepareForCreate(node) {
    delete node.spec?.configSource;
    delete node.status?.config;
  },
  prepareForUpdate(node, old) {
    if (!old.spec?.configSource) delete node.spec?.configSource;
    node.status = old.status;
  },
  validateCreate(node, { warn }) {
    const errors = validate(node);
    if (errors.length === 0) warnAbout(node, warn);
    return errors;
  },
  validateUpdate(node, old, { warn }) {
    const errors = [...validate(node), ...validateUpdate(node, old)];
    if (errors.length === 0) warnAbout(node, warn);
    return errors;
  },
  status: {
    prepareForUpdate(node, old) {
      node.spec = old.spec!;
      if (!old.status?.config) delete node.status?.config;
    },
    validateUpdate,
  },
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
