// One change to an object, drawn along its type: something that is there is dropped, spoiled, repeated or replaced, or something that
// is not there is added.
import { ValueKind } from '@tiphys/api';
import type { Chance } from './chance.ts';
import type { FieldShape, Shape, ValueShape } from './shape.ts';
import type { Edit, Path } from './step.ts';
import { mapKey, valueFor, wrongType } from './values.ts';

interface Place {
  path: Path;
  /** Name of the nearest field. */
  name: string;
  node: ValueShape;
  value: unknown;
  /** Whether the place is an element of a list. */
  element: boolean;
}

interface Hole {
  path: Path;
  field: FieldShape;
}

interface Survey {
  places: Place[];
  holes: Hole[];
  structs: Path[];
}

/** What the server decides by itself; changes there say little. */
const SERVER_METADATA = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]);
const METADATA_CHANGES_PERCENT = 12;

function survey(root: Shape, object: unknown, base: Path, keep: (name: string) => boolean): Survey {
  const found: Survey = { places: [], holes: [], structs: [] };
  const visitStruct = (node: Shape, value: unknown, path: Path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    found.structs.push(path);
    for (const field of node.fields) {
      if (path.length === base.length && !keep(field.name)) continue;
      if (node.shortName === 'ObjectMeta' && SERVER_METADATA.has(field.name)) continue;
      const inner = (value as Record<string, unknown>)[field.name];
      if (inner === undefined) found.holes.push({ path: [...path, field.name], field });
      else visit({ path: [...path, field.name], name: field.name, node: field.value, value: inner, element: false });
    }
  };
  const visit = (place: Place) => {
    const { node, value, path, name } = place;
    found.places.push(place);
    if (node.kind === ValueKind.struct && node.struct) visitStruct(node.struct, value, path);
    if (node.kind === ValueKind.list && Array.isArray(value))
      for (const [i, item] of value.entries()) visit({ path: [...path, i], name, node: node.item!, value: item, element: true });
    if (node.kind === ValueKind.map && typeof value === 'object' && value !== null)
      for (const [key, item] of Object.entries(value))
        visit({ path: [...path, key], name: key, node: node.item!, value: item, element: false });
  };
  visitStruct(root, object, base);
  return found;
}

function changeOf(chance: Chance, { path, name, node, value, element }: Place): Edit {
  const dice = chance.below(100);
  if (dice < 20) return { op: 'remove', path };
  if (dice < 30) return { op: 'set', path, value: wrongType(chance) };
  if (element && dice < 45) return { op: 'repeat', path };
  if (node.kind === ValueKind.list && dice < 55) return { op: 'set', path, value: [] };
  if (node.kind === ValueKind.list && Array.isArray(value) && dice < 75)
    return { op: 'set', path: [...path, value.length], value: valueFor(chance, name, node.item!, 1) };
  if (node.kind === ValueKind.map && dice < 80)
    return { op: 'set', path: [...path, mapKey(chance)], value: valueFor(chance, name, node.item!, 1) };
  return { op: 'set', path, value: valueFor(chance, name, node, 1) };
}

/** `keep` says which of the top fields may change. */
export function changeFor(chance: Chance, root: Shape, object: unknown, keep: (name: string) => boolean): Edit {
  const found = survey(root, object, [], (name) => keep(name) && (name !== 'metadata' || chance.percent(METADATA_CHANGES_PERCENT)));
  if (chance.percent(6) && found.structs.length > 0)
    return { op: 'set', path: [...chance.pick(found.structs), chance.pick(['bogus', 'Spec', 'x-y'])], value: 1 };
  if (found.holes.length > 0 && (found.places.length === 0 || chance.percent(45))) {
    const { path, field } = chance.pick(found.holes);
    return { op: 'set', path, value: valueFor(chance, field.name, field.value, 1) };
  }
  if (found.places.length === 0) return { op: 'set', path: ['metadata', 'labels'], value: { a: 'b' } };
  return changeOf(chance, chance.pick(found.places));
}

/** A change that rules should not mind. */
export function harmlessChange(chance: Chance): Edit {
  const map = chance.pick(['labels', 'annotations']);
  return { op: 'set', path: ['metadata', map, chance.pick(['a', 'b', 'example.com/c'])], value: chance.pick(['one', 'two', '']) };
}
