// Constraints between the devices of a claim: all share an attribute's value, or all differ in it
// (dynamic-resource-allocation structured matchAttributeConstraint, distinctAttributeConstraint).
import type { resourcev1 } from '@tiphys/api';
import type { Candidate } from './pools.ts';

/** The request's name, and that of the alternative which was taken. */
export interface RequestName {
  request: string;
  alternative?: string | undefined;
}

/** Once a device can't be added, adding others first does not help. */
export interface Constraint {
  add(name: RequestName, candidate: Candidate): boolean;
  /** Takes back what add() accepted. */
  remove(name: RequestName, candidate: Candidate): void;
}

/** As text that tells type and value; undefined when the device does not have it, or has a list. */
function attributeOf({ device, driver }: Candidate, name: string): string | undefined {
  const slash = name.indexOf('/');
  const own = name.slice(0, slash) === driver ? device.attributes?.[name.slice(slash + 1)] : undefined;
  const { string, int, bool, version } = device.attributes?.[name] ?? own ?? {};
  if (string !== undefined) return `string ${string}`;
  if (int !== undefined) return `int ${int}`;
  if (bool !== undefined) return `bool ${bool}`;
  return version === undefined ? undefined : `version ${version}`;
}

function appliesTo(requests: readonly string[] | undefined, { request, alternative }: RequestName): boolean {
  if (!requests?.length || requests.includes(request)) return true;
  return alternative !== undefined && requests.includes(`${request}/${alternative}`);
}

function constraintOn(requests: readonly string[] | undefined, attribute: string, accepts: (value: string, taken: string[]) => boolean) {
  const taken: string[] = [];
  return {
    add(name: RequestName, candidate: Candidate): boolean {
      if (!appliesTo(requests, name)) return true;
      const value = attributeOf(candidate, attribute);
      if (value === undefined || !accepts(value, taken)) return false;
      taken.push(value);
      return true;
    },
    // Devices are given back in the reverse order.
    remove(name: RequestName): void {
      if (appliesTo(requests, name)) taken.pop();
    },
  };
}

/** undefined: a kind of constraint that is not known. */
export function constraintFrom({ requests, matchAttribute, distinctAttribute }: resourcev1.DeviceConstraint): Constraint | undefined {
  if (matchAttribute !== undefined)
    return constraintOn(requests, matchAttribute, (value, taken) => taken.length === 0 || taken[0] === value);
  if (distinctAttribute !== undefined) return constraintOn(requests, distinctAttribute, (value, taken) => !taken.includes(value));
  return undefined;
}
