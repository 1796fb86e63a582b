// Expressions that select devices for resource claims (dynamic-resource-allocation cel/compile.go): what they may name, and how a
// device looks to them.
import { Quantity, type resourcev1 } from '@tiphys/api';
import { createEnvironment, type Environment, EvaluationFailure, type Program } from './environment.ts';
import { quantityValue, semverValue } from './library/kubernetes.ts';
import { CompilationError } from './source.ts';
import { BOOL, type CelType, DYN, isDynamic, mapOf, STRING, sameType, struct, typeText } from './types.ts';
import { CelError, CelMap, EntryMap, type MapKey, typeNameOf, type Value } from './values.ts';

const FIELDS: Readonly<Record<string, CelType>> = {
  driver: STRING,
  attributes: mapOf(STRING, mapOf(STRING, DYN)),
  capacity: mapOf(
    STRING,
    mapOf(
      STRING,
      struct('kubernetes.Quantity', () => undefined),
    ),
  ),
  allowMultipleAllocations: BOOL,
};
const DEVICE = struct('kubernetes.DRADevice', (name) => FIELDS[name]);
const EMPTY = new EntryMap([]);

/** Domains that a device does not have are empty rather than missing. */
class Domains extends CelMap {
  readonly #known: CelMap;
  constructor(known: CelMap) {
    super();
    this.#known = known;
  }
  get size(): number {
    return this.#known.size;
  }
  find(key: Value): Value {
    return this.#known.find(key) ?? EMPTY;
  }
  keys(): Iterable<MapKey> {
    return this.#known.keys();
  }
}

/** Names without a domain are the driver's. */
function byDomain<T>(given: Readonly<Record<string, T>> | undefined, driver: string, convert: (name: string, value: T) => Value): Domains {
  const domains = new Map<string, [string, Value][]>();
  for (const [name, value] of Object.entries(given ?? {})) {
    const slash = name.indexOf('/');
    const domain = slash < 0 ? driver : name.slice(0, slash);
    const entries = domains.get(domain) ?? [];
    domains.set(domain, entries);
    entries.push([name.slice(slash + 1), convert(name, value)]);
  }
  return new Domains(new EntryMap([...domains].map(([domain, entries]) => [domain, new EntryMap(entries)])));
}

function attribute(name: string, { int, bool, string, version }: resourcev1.DeviceAttribute): Value {
  if (typeof int === 'number') return BigInt(int);
  if (typeof bool === 'boolean') return bool;
  if (typeof string === 'string') return string;
  if (typeof version !== 'string') throw new CelError(`attribute ${name}: unsupported attribute value`);
  try {
    return semverValue(version);
  } catch (error) {
    throw new CelError(`attribute ${name}: parse semantic version: ${(error as CelError).message}`);
  }
}

/** The value of `device`. Throws CelError for what no expression can be asked about. */
function deviceValue({ attributes, capacity, allowMultipleAllocations = false }: resourcev1.Device, driver: string): Value {
  return new EntryMap([
    ['driver', driver],
    ['allowMultipleAllocations', allowMultipleAllocations],
    ['attributes', byDomain(attributes, driver, attribute)],
    ['capacity', byDomain(capacity, driver, (_name, { value }) => quantityValue(Quantity.parse(value)))],
  ]);
}

/** Whether a driver's device is one of those. Throws CelError. */
export type DeviceSelectorProgram = (device: resourcev1.Device, driver: string) => boolean;

let environment: Environment | undefined;

function compile(text: string): Program | string {
  environment ??= createEnvironment({ variables: { device: DEVICE } });
  try {
    const program = environment.compile(text);
    if (isDynamic(program.type) || sameType(program.type, BOOL)) return program;
    return `must evaluate to bool or the unknown type, not ${typeText(program.type)}`;
  } catch (error) {
    if (error instanceof CompilationError) return `compilation failed: ${error.message}`;
    throw error;
  }
}

/** The program, or upstream's words for why the expression can't select devices. */
export function compileDeviceSelector(text: string): DeviceSelectorProgram | string {
  const program = compile(text);
  if (typeof program === 'string') return program;
  return (device, driver) => {
    try {
      const { value } = program.evaluate({ device: deviceValue(device, driver) });
      if (typeof value === 'boolean') return value;
      throw new CelError(`CEL result of type ${typeNameOf(value)} could not be converted to bool: type conversion error`);
    } catch (error) {
      throw error instanceof EvaluationFailure ? error.cause : error;
    }
  };
}
