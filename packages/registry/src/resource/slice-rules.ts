// Rules of ResourceSlices and DeviceClasses (apis/resource/validation, registry/resource/{resourceslice,deviceclass}).
import { cameEmpty, isCIdentifier, type resourcev1, timeText } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { RuleContext } from '../define-resource.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { byteLength, isDns1123Label, nameIsSubdomain } from '../rules/formats.ts';
import { checkNodeSelector } from '../rules/pod/placement.ts';
import { isExtended } from '../rules/pod/resources.ts';
import {
  CONFIGS_MAX,
  checkBindingConditions,
  checkConfiguration,
  checkDriver,
  checkLabelLike,
  checkList,
  checkPoolName,
  checkSelectors,
  checkSet,
  checkTaint,
} from './device-rules.ts';
import { checkRequestPolicy } from './request-policy.ts';

type Slice = resourcev1.ResourceSlice;
type Device = resourcev1.Device;
type DeviceClass = resourcev1.DeviceClass;

const DEVICES_MAX = 128;
const ADVANCED_DEVICES_MAX = 64;
const COUNTER_SETS_MAX = 8;
const COUNTERS_MAX = 32;
const CONSUMPTIONS_MAX = 2;
const ATTRIBUTES_MAX = 32;
const TAINTS_MAX = 16;
const VALUE_MAX = 64;
const IDENTIFIER_MAX = 32;
/** A domain, a slash and an identifier. */
const SHOWN_KEY_MAX = 63 + 1 + IDENTIFIER_MAX;
const ELLIPSIS = '...';
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

function checkIdentifier(errors: Errors, path: string, id: string): void {
  if (byteLength(id) > IDENTIFIER_MAX) errors.push(fieldError.tooLong(path, IDENTIFIER_MAX));
  complain(errors, path, id, isCIdentifier(id));
}

/** `name`, or `domain/name`; more slashes are let be, as upstream does. */
function checkQualified(errors: Errors, path: string, name: string): void {
  const [first, second, third] = name.split('/') as [string, string?, string?];
  if (third !== undefined) return;
  if (second === undefined) {
    checkIdentifier(errors, path, first);
    return;
  }
  if (first === '') errors.push(fieldError.invalid(path, '', 'the domain must not be empty'));
  else checkDriver(errors, path, first);
  if (second === '') errors.push(fieldError.invalid(path, '', 'the name must not be empty'));
  else checkIdentifier(errors, path, second);
}

/** A key as a path shows it: the middle of a long one is left out. */
function shownKey(name: string): string {
  if (byteLength(name) <= SHOWN_KEY_MAX) return name;
  const left = SHOWN_KEY_MAX - ELLIPSIS.length;
  return name.slice(0, Math.floor((left + 1) / 2)) + ELLIPSIS + name.slice(-Math.floor(left / 2));
}

export function checkFullyQualifiedName(errors: Errors, path: string, name: string): void {
  checkQualified(errors, path, name);
  if (!name.includes('/')) {
    errors.push(fieldError.invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'));
  }
}

function checkAttribute(errors: Errors, path: string, attribute: resourcev1.DeviceAttribute): void {
  const { string: text, version } = attribute;
  if (text !== undefined && byteLength(text) > VALUE_MAX) errors.push(fieldError.tooLong(`${path}.string`, VALUE_MAX));
  if (version !== undefined) {
    if (!SEMVER.test(version)) {
      errors.push(fieldError.invalid(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'));
    }
    if (byteLength(version) > VALUE_MAX) errors.push(fieldError.tooLong(`${path}.version`, VALUE_MAX));
  }
  const given = (['bool', 'int', 'string', 'version'] as const).filter((name) => attribute[name] !== undefined);
  if (given.length === 0) errors.push(fieldError.invalid(path, '', 'exactly one value must be specified'));
  if (given.length > 1) {
    const { bool = null, int = null, string = null, version: number = null } = attribute;
    const lists = { IntValues: null, BoolValues: null, StringValues: null, VersionValues: null };
    const shown = { IntValue: int, BoolValue: bool, StringValue: string, VersionValue: number, ...lists };
    errors.push(fieldError.invalid(path, shown, 'exactly one value must be specified'));
  }
}

type Counters = Record<string, resourcev1.Counter> | undefined;

function checkCounters(errors: Errors, path: string, counters: Counters): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) errors.push(fieldError.required(path));
  else if (names.length > COUNTERS_MAX) errors.push(fieldError.tooMany(path, names.length, COUNTERS_MAX));
  else for (const name of names) complain(errors, path, name, isDns1123Label(name));
}

function checkCounterName(errors: Errors, path: string, name: string | undefined): void {
  if (name) checkLabelLike(errors, path, name);
  else errors.push(fieldError.required(path));
}

const ONE_PLACE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function checkOwnPlace(errors: Errors, path: string, { nodeName, nodeSelector, allNodes }: Device): void {
  const given: string[] = [];
  if (nodeName) {
    given.push('`nodeName`');
    complain(errors, `${path}.nodeName`, nodeName, nameIsSubdomain(nodeName, false));
  } else if (nodeName !== undefined) errors.push(fieldError.invalid(`${path}.nodeName`, nodeName, 'must not be empty'));
  if (nodeSelector) {
    given.push('`nodeSelector`');
    checkNodeSelector(errors, `${path}.nodeSelector`, nodeSelector);
  }
  if (allNodes) given.push('`allNodes`');
  else if (allNodes !== undefined) errors.push(fieldError.invalid(`${path}.allNodes`, allNodes, 'must be either unset or set to true'));
  if (given.length === 0) errors.push(fieldError.required(path, ONE_PLACE));
  if (given.length > 1) errors.push(fieldError.invalid(path, `{${given.join(', ')}}`, ONE_PLACE));
}

function checkDevice(errors: Errors, path: string, device: Device, own: boolean, before: Device | undefined): void {
  checkLabelLike(errors, `${path}.name`, device.name);
  const [attributes, capacities] = [Object.entries(device.attributes ?? {}), Object.entries(device.capacity ?? {})];
  const count = attributes.length + capacities.length;
  if (count > ATTRIBUTES_MAX) {
    errors.push(fieldError.invalid(path, count, `the total number of attributes and capacities must not exceed ${ATTRIBUTES_MAX}`));
  }
  for (const [name, attribute] of attributes) {
    checkQualified(errors, `${path}.attributes`, name);
    checkAttribute(errors, `${path}.attributes[${shownKey(name)}]`, attribute);
  }
  for (const [name, { value, requestPolicy }] of capacities) {
    checkQualified(errors, `${path}.capacity`, name);
    const at = `${path}.capacity[${shownKey(name)}].requestPolicy`;
    if (!requestPolicy) continue;
    if (device.allowMultipleAllocations) checkRequestPolicy(errors, at, requestPolicy, value);
    else errors.push(fieldError.forbidden(at, 'allowMultipleAllocations must be true'));
  }
  if (!before || !sameValue(before.taints, device.taints)) {
    checkList(errors, `${path}.taints`, device.taints, TAINTS_MAX, (taint, at) => checkTaint(errors, at, taint));
  }
  checkSet(errors, `${path}.consumesCounters`, device.consumesCounters, {
    max: CONSUMPTIONS_MAX,
    key: ({ counterSet = '' }) => counterSet,
    rule({ counterSet, counters }, at) {
      checkCounterName(errors, `${at}.counterSet`, counterSet);
      checkCounters(errors, `${at}.counters`, counters);
    },
  });
  if (own) checkOwnPlace(errors, path, device);
  else if (device.nodeName !== undefined || device.nodeSelector || device.allNodes !== undefined) {
    const why =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    errors.push(fieldError.invalid(path, null, why));
  }
  checkBindingConditions(errors, path, device);
}

function checkPlace(errors: Errors, spec: resourcev1.ResourceSliceSpec): void {
  const given: string[] = [];
  const { nodeName, nodeSelector } = spec;
  if (nodeName) {
    given.push('`nodeName`');
    complain(errors, 'spec.nodeName', nodeName, nameIsSubdomain(nodeName, false));
  } else if (nodeName !== undefined) {
    errors.push(fieldError.invalid('spec.nodeName', nodeName, 'must be either unset or set to a non-empty string'));
  }
  if (nodeSelector) {
    given.push('`nodeSelector`');
    checkNodeSelector(errors, 'spec.nodeSelector', nodeSelector);
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      errors.push(fieldError.invalid('spec.nodeSelector.nodeSelectorTerms', terms ?? null, 'must have exactly one node selector term'));
    }
  }
  for (const name of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[name]) given.push(`\`${name}\``);
    else if (spec[name] !== undefined) errors.push(fieldError.invalid(`spec.${name}`, spec[name], 'must be either unset or set to true'));
  }
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (given.length === 0) errors.push(fieldError.required('spec', one));
  if (given.length > 1) errors.push(fieldError.invalid('spec', `{${given.join(', ')}}`, `${one}, but multiple fields are set`));
}

export function validateSlice({ spec }: Slice, old?: Slice): Errors {
  const errors: Errors = [];
  if (!spec) return [fieldError.required('spec')];
  checkDriver(errors, 'spec.driver', spec.driver);
  checkPoolName(errors, 'spec.pool.name', spec.pool?.name);
  const { resourceSliceCount: count = 0, generation = 0 } = spec.pool ?? {};
  if (count <= 0) errors.push(fieldError.invalid('spec.pool.resourceSliceCount', count, 'must be greater than zero'));
  if (generation < 0) errors.push(fieldError.invalid('spec.pool.generation', generation, 'must be greater than or equal to zero'));
  if (old) {
    const before = old.spec;
    if (spec.pool?.name !== before?.pool?.name) errors.push(fieldError.invalid('spec.pool.name', spec.pool?.name ?? '', IMMUTABLE));
    if (spec.driver !== before?.driver) errors.push(fieldError.invalid('spec.driver', spec.driver ?? '', IMMUTABLE));
    if (spec.nodeName !== before?.nodeName) errors.push(fieldError.invalid('spec.nodeName', spec.nodeName ?? null, IMMUTABLE));
  }
  checkPlace(errors, spec);
  if ((spec.sharedCounters || cameEmpty(spec, 'sharedCounters')) && (spec.devices || cameEmpty(spec, 'devices'))) {
    errors.push(fieldError.invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  const isAdvanced = spec.devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  checkSet(errors, 'spec.devices', spec.devices, {
    max: isAdvanced ? ADVANCED_DEVICES_MAX : DEVICES_MAX,
    key: ({ name = '' }) => name,
    rule(device, at) {
      const before = old?.spec?.devices?.find(({ name }) => name === device.name);
      checkDevice(errors, at, device, spec.perDeviceNodeSelection === true, before);
    },
  });
  checkSet(errors, 'spec.sharedCounters', spec.sharedCounters, {
    max: COUNTER_SETS_MAX,
    key: ({ name = '' }) => name,
    rule({ name, counters }, at) {
      checkCounterName(errors, `${at}.name`, name);
      checkCounters(errors, `${at}.counters`, counters);
    },
  });
  return errors;
}

/** Upstream counts a change before it drops what is off, so that a change of that alone counts, too. */
/** A taint counts from when it was first seen (apis/resource/v1/defaults.go). */
function stampTaints({ spec }: Slice, { runtime }: RuleContext): void {
  for (const { taints } of spec?.devices ?? []) for (const taint of taints ?? []) taint.timeAdded ??= timeText(runtime.clock.now());
}

export function prepareSliceCreate(slice: Slice, context: RuleContext): void {
  stampTaints(slice, context);
  dropUngated(slice);
}

export function prepareSliceUpdate(slice: Slice, old: Slice, context: RuleContext): void {
  stampTaints(slice, context);
  if (!sameValue(slice.spec, old.spec)) slice.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
  dropUngated(slice);
}

/** Fields of features that are off by default. */
function dropUngated({ spec }: Slice): void {
  for (const device of spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const name of ['ints', 'bools', 'strings', 'versions'] as const) delete attribute[name];
    }
  }
}

export function warnOfDriver({ spec }: Slice, warn: (text: string) => void): void {
  const driver = spec?.driver ?? '';
  if (driver === driver.toLowerCase()) return;
  warn(`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`);
}

export function validateClass({ spec }: DeviceClass): Errors {
  const errors: Errors = [];
  checkSelectors(errors, 'spec.selectors', spec?.selectors);
  checkList(errors, 'spec.config', spec?.config, CONFIGS_MAX, (config, at) => checkConfiguration(errors, at, config));
  const name = spec?.extendedResourceName;
  if (name !== undefined && !isExtended(name)) {
    errors.push(fieldError.invalid('spec.extendedResourceName', name, 'must be a valid extended resource name'));
  }
  return errors;
}
