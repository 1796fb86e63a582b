// How much of a device a request takes when several may share it (KEP-5075; dynamic-resource-allocation structured
// consumable_capacity.go). Amounts are quantities by the capacity's name.
import { Quantity, type resourcev1 } from '@tiphys/api';

export type Capacities = ReadonlyMap<string, Quantity>;

type Asked = resourcev1.CapacityRequirements | undefined;
type Offered = Readonly<Record<string, resourcev1.DeviceCapacity>> | undefined;

/** Up to the next step above the minimum. */
function roundedToRange(asked: Quantity, { min: minText, step: stepText }: resourcev1.CapacityRequestPolicyRange): Quantity {
  const min = Quantity.parse(minText);
  if (asked.compare(min) < 0) return min;
  if (stepText === undefined) return asked;
  const [least, step] = [min.asNumber(), Quantity.parse(stepText).asNumber()];
  return Quantity.of(least + step * Math.ceil((asked.asNumber() - least) / step), 'BinarySI');
}

function consumedOf(askedText: string | undefined, { value, requestPolicy }: resourcev1.DeviceCapacity): Quantity {
  if (askedText === undefined) return Quantity.parse(requestPolicy?.default ?? value);
  const asked = Quantity.parse(askedText);
  const { validRange, validValues } = requestPolicy ?? {};
  if (validRange?.min !== undefined) return roundedToRange(asked, validRange);
  const values = (validValues ?? []).map((text) => Quantity.parse(text));
  return values.find((valid) => asked.compare(valid) <= 0) ?? asked;
}

function violatesRange(consumed: Quantity, { min, max, step }: resourcev1.CapacityRequestPolicyRange): boolean {
  if (max !== undefined && consumed.compare(Quantity.parse(max)) > 0) return true;
  if (step === undefined) return false;
  return (consumed.asNumber() - Quantity.parse(min).asNumber()) % Quantity.parse(step).asNumber() !== 0;
}

function violatesPolicy(consumed: Quantity, policy: resourcev1.CapacityRequestPolicy | undefined): boolean {
  if (!policy || (policy.default !== undefined && consumed.compare(Quantity.parse(policy.default)) === 0)) return false;
  if (policy.validRange) return violatesRange(consumed, policy.validRange);
  const values = policy.validValues ?? [];
  return values.length > 0 && !values.some((text) => consumed.compare(Quantity.parse(text)) === 0);
}

/** What the request takes of each of the device's capacities. */
export function consumedCapacity(asked: Asked, offered: Offered): Map<string, Quantity> {
  return new Map(Object.entries(offered ?? {}).map(([name, capacity]) => [name, consumedOf(asked?.requests?.[name], capacity)]));
}

/** Whether the request fits beside what is taken already. False also when it asks for what the device does not have. */
export function capacityFits(asked: Asked, offered: Offered, taken: readonly (Capacities | undefined)[]): boolean {
  for (const name in asked?.requests) if (offered?.[name] === undefined) return false;
  for (const [name, consumed] of consumedCapacity(asked, offered)) {
    const { value, requestPolicy } = offered![name]!;
    if (violatesPolicy(consumed, requestPolicy)) return false;
    const sum = taken.reduce((total, one) => total.add(one?.get(name) ?? Quantity.zero), consumed);
    if (sum.compare(Quantity.parse(value)) > 0) return false;
  }
  return true;
}

/** Adds (1) or takes away (-1). */
export function addCapacities(into: Map<string, Quantity>, more: Capacities, by: 1 | -1): void {
  for (const [name, amount] of more) {
    const before = into.get(name) ?? Quantity.zero;
    const after = by === 1 ? before.add(amount) : before.sub(amount);
    if (after.isZero) into.delete(name);
    else into.set(name, after);
  }
}
