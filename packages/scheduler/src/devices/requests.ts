// What a claim asks for, request by request, checked and counted before any device is tried
// (dynamic-resource-allocation structured validateDeviceRequest).
import type { corev1, resourcev1 } from '@tiphys/api';
import { cel } from '@tiphys/machinery';
import type { Allocated } from './allocated.ts';
import { capacityFits } from './capacity.ts';
import { type Candidate, type Pool, reaches } from './pools.ts';

/** Devices that one claim can have (resourceapi.AllocationResultsMaxSize). */
export const RESULTS_MAX = 32;

/** The claim, its class or its pools make allocation impossible wherever it is tried. */
export class AllocationError extends Error {
  override name = 'AllocationError';
}

/** A request or one of its alternatives, which can't ask for administrators' access. */
export interface Wanted {
  name: string;
  /** The request that this is an alternative of. */
  parent?: string;
  details: resourcev1.ExactDeviceRequest;
  deviceClass: resourcev1.DeviceClass;
  count: number;
  /** All of them, where all are wanted. */
  all?: readonly Candidate[];
}

/** One request: it itself, or its alternatives of which the first that can be had is taken. */
export interface RequestPlan {
  alternatives: readonly Wanted[];
  isList: boolean;
}

export interface RequestContext {
  node: corev1.Node;
  pools: readonly Pool[];
  allocated: Allocated;
  deviceClass(name: string): resourcev1.DeviceClass | undefined;
}

export const claimText = ({ metadata }: resourcev1.ResourceClaim): string => `${metadata?.namespace}/${metadata?.name}`;
export const wantedName = ({ name, parent }: Wanted): string => (parent === undefined ? name : `${parent}/${name}`);

/** Expressions of classes and claims; the one not used longest goes first. */
const SELECTORS_MAX = 1000;
const selectors = new Map<string, cel.DeviceSelectorProgram | string>();
/** Device → expression → whether it is one of those. Devices never change. */
const matches = new WeakMap<resourcev1.Device, Map<string, boolean>>();

function compiled(expression: string): cel.DeviceSelectorProgram | string {
  const known = selectors.get(expression);
  selectors.delete(expression);
  const selector = known ?? cel.compileDeviceSelector(expression);
  if (selectors.size >= SELECTORS_MAX) selectors.delete(selectors.keys().next().value!);
  selectors.set(expression, selector);
  return selector;
}

/** `of`: whose selector it is, for errors. */
function isSelected(expression: string, { device, driver }: Pick<Candidate, 'device' | 'driver'>, of: string): boolean {
  const answers = matches.get(device) ?? new Map<string, boolean>();
  matches.set(device, answers);
  const known = answers.get(expression);
  if (known !== undefined) return known;
  const selector = compiled(expression);
  if (typeof selector === 'string') throw new AllocationError(`${of}: CEL compile error: ${selector}`);
  try {
    const answer = selector(device, driver);
    answers.set(expression, answer);
    return answer;
  } catch (error) {
    throw new AllocationError(`${of}: CEL runtime error: ${(error as { message: string }).message}`);
  }
}

/** Whether all selectors of the class do. Throws AllocationError when one can't be understood. */
export const selectsDevice = ({ metadata, spec }: resourcev1.DeviceClass, device: resourcev1.Device, driver: string): boolean =>
  (spec.selectors ?? []).every(
    ({ cel: selector }, index) =>
      !selector || isSelected(selector.expression, { device, driver }, `class ${metadata?.name}: selector #${index}`),
  );

/** Whether class and request select the device, and the node reaches it. */
export function isSelectable(wanted: Wanted, candidate: Candidate, node: corev1.Node, claim: resourcev1.ResourceClaim): boolean {
  const { deviceClass, details } = wanted;
  const all = (list: readonly resourcev1.DeviceSelector[] | undefined, of: string) =>
    (list ?? []).every(({ cel: selector }, index) => isSelected(selector!.expression, candidate, `${of}: selector #${index}`));
  if (!all(deviceClass.spec.selectors, `class ${deviceClass.metadata?.name}`)) return false;
  if (!all(details.selectors, `claim ${claimText(claim)}`)) return false;
  return !candidate.slice.spec.perDeviceNodeSelection || reaches(node, candidate.device);
}

function allOf(wanted: Wanted, claim: resourcev1.ResourceClaim, { node, pools, allocated }: RequestContext): Candidate[] {
  const found: Candidate[] = [];
  for (const pool of pools) {
    const state = pool.isIncomplete ? 'being updated' : pool.invalid ? 'invalid' : undefined;
    if (state) {
      const request = `claim ${claimText(claim)}, request ${wanted.name}`;
      throw new AllocationError(`${request}: asks for all devices, but resource pool ${pool.id} is currently ${state}`);
    }
    for (const candidate of pool.candidates) {
      if (!isSelectable(wanted, candidate, node, claim)) continue;
      const { device, id } = candidate;
      if (capacityFits(wanted.details.capacity, device.capacity, [allocated.capacityTaken(id)])) found.push(candidate);
    }
  }
  return found;
}

function wantedOf(
  claim: resourcev1.ResourceClaim,
  name: string,
  parent: string | undefined,
  details: resourcev1.ExactDeviceRequest,
  context: RequestContext,
): Wanted {
  const at = `claim ${claimText(claim)}, request ${name}`;
  for (const [index, selector] of (details.selectors ?? []).entries())
    if (!selector.cel) throw new AllocationError(`${at}, selector #${index}: CEL expression empty (unsupported selector type?)`);
  if (!details.deviceClassName) throw new AllocationError(`${at}: missing device class name (unsupported request type?)`);
  const deviceClass = context.deviceClass(details.deviceClassName);
  if (!deviceClass) {
    const missing = `deviceclass.resource.k8s.io "${details.deviceClassName}" not found`;
    throw new AllocationError(`${at}: could not retrieve device class ${details.deviceClassName}: ${missing}`);
  }
  const wanted: Wanted = { name, ...(parent === undefined ? {} : { parent }), details, deviceClass, count: details.count ?? 0 };
  if (details.allocationMode === 'ExactCount') return wanted;
  if (details.allocationMode !== 'All') throw new AllocationError(`${at}: unsupported count mode ${details.allocationMode ?? ''}`);
  const all = allOf(wanted, claim, context);
  return { ...wanted, all, count: all.length };
}

/** Throws AllocationError for what can't be had on any node. */
export function planRequests(claim: resourcev1.ResourceClaim, context: RequestContext): RequestPlan[] {
  let least = 0;
  const plans = (claim.spec.devices?.requests ?? []).map(({ name, exactly, firstAvailable = [] }): RequestPlan => {
    const isList = firstAvailable.length > 0;
    const alternatives = isList
      ? firstAvailable.map((one) => wantedOf(claim, one.name, name, one, context))
      : [wantedOf(claim, name, undefined, exactly!, context)];
    least += Math.min(...alternatives.map(({ count }) => count));
    return { alternatives, isList };
  });
  if (least > RESULTS_MAX) {
    const excess = `number of requested devices ${least} exceeds the claim limit of ${RESULTS_MAX}`;
    throw new AllocationError(`claim ${claimText(claim)}: ${excess}`);
  }
  return plans;
}
