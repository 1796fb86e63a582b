// Which names a custom resource definition gets, and what its conditions say (apiextensions controller/status).
import type { apiextensionsv1 } from '@tiphys/api';
import { jsonEqual } from '@tiphys/machinery';

export type Definition = apiextensionsv1.CustomResourceDefinition;
type Names = apiextensionsv1.CustomResourceDefinitionNames;
type Condition = apiextensionsv1.CustomResourceDefinitionCondition;

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';
/** Deletion was asked for and has not begun. */
export const DELETION_PENDING = 'InstanceDeletionPending';

export const conditionOf = (crd: Definition, type: string): Condition | undefined =>
  crd.status?.conditions?.find((each) => each.type === type);
export const isTrue = (crd: Definition, type: string): boolean => conditionOf(crd, type)?.status === 'True';

type Said = Omit<Condition, 'lastTransitionTime'>;

/** The conditions with one set; its transition time moves only when the status does, and the generation that it was observed at stays. */
export function withCondition(known: readonly Condition[] | null | undefined, condition: Said, now: string): Condition[] {
  const conditions = known ?? [];
  const old = conditions.find((each) => each.type === condition.type);
  const lastTransitionTime = old?.status === condition.status && old.lastTransitionTime ? old.lastTransitionTime : now;
  const next = { ...old, ...condition, lastTransitionTime };
  return old ? conditions.map((each) => (each === old ? next : each)) : [...conditions, next];
}

/** Whether two say the same, whenever they came to. */
const isEquivalent = (one: Said, other: Condition | undefined): boolean =>
  one.status === other?.status && one.reason === other.reason && one.message === other.message;

/** Names other definitions of the group hold already. */
function takenNames(crd: Definition, all: readonly Definition[]): { resources: Set<string>; kinds: Set<string> } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of all) {
    if (other.spec.group !== crd.spec.group) continue;
    const { plural, singular, shortNames = [], kind, listKind } = other.status?.acceptedNames ?? ({} as Partial<Names>);
    for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

export interface Naming {
  acceptedNames: Names;
  conditions: Condition[];
}

/**
 * What the status should say about names; `all` holds every definition, this one included. undefined: it says so already. Once all names
 * are accepted, it is nobody's business any more what the conditions say.
 */
export function naming(crd: Definition, all: readonly Definition[], now: string): Naming | undefined {
  const wanted = crd.spec.names;
  const accepted: Partial<Names> = crd.status?.acceptedNames ?? {};
  if (jsonEqual(wanted, accepted)) return undefined;
  const { resources, kinds } = takenNames(crd, all);
  const names: Names = { ...accepted, kind: accepted.kind ?? '', plural: accepted.plural ?? '' };
  let conflict: { reason: string; message: string } | undefined;
  const problem = (name: string, own: string | undefined, taken: ReadonlySet<string>) =>
    name === (own ?? '') || !taken.has(name) ? undefined : `${JSON.stringify(name)} is already in use`;
  const claim = (field: 'plural' | 'singular' | 'kind' | 'listKind', reason: string, taken: ReadonlySet<string>) => {
    const message = problem(wanted[field] ?? '', accepted[field], taken);
    if (message) conflict = { reason, message };
    else if (wanted[field] !== undefined) names[field] = wanted[field]!;
  };
  claim('plural', 'PluralConflict', resources);
  claim('singular', 'SingularConflict', resources);
  const own = new Set(accepted.shortNames ?? []);
  const messages = (wanted.shortNames ?? []).filter((name) => !own.has(name)).flatMap((name) => problem(name, '', resources) ?? []);
  if (messages.length > 0)
    conflict = { reason: 'ShortNamesConflict', message: messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]` };
  else setOrDrop(names, 'shortNames', wanted.shortNames);
  claim('kind', 'KindConflict', kinds);
  claim('listKind', 'ListKindConflict', kinds);
  setOrDrop(names, 'categories', wanted.categories);
  const namesAccepted = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  if (jsonEqual(names, accepted) && isEquivalent(namesAccepted, conditionOf(crd, 'NamesAccepted'))) return undefined;
  const old = conditionOf(crd, 'Established');
  const kept = old?.status === 'True' || conflict ? old : undefined;
  const conditions = withCondition(crd.status?.conditions, namesAccepted, now);
  return { acceptedNames: names, conditions: withCondition(conditions, kept ?? (conflict ? NOT_ACCEPTED : INSTALLING), now) };
}

function setOrDrop(names: Names, field: 'shortNames' | 'categories', value: string[] | undefined): void {
  if (value) names[field] = value;
  else delete names[field];
}

const NOT_ACCEPTED = { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
const INSTALLING = { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' };
const ESTABLISHED = {
  type: 'Established',
  status: 'True',
  reason: 'InitialNamesAccepted',
  message: 'the initial names have been accepted',
};
const INVALID_AUTHORITY = {
  type: 'Established',
  status: 'False',
  reason: 'InvalidCABundle',
  message: 'The conversion webhook CABundle is invalid',
};

/**
 * The conditions of a definition whose names are accepted and which is not established yet (controller/establish). undefined: they say
 * it already, or the time has not come.
 */
export function establishing(crd: Definition, hasBadAuthority: boolean, now: string): Condition[] | undefined {
  if (!isTrue(crd, 'NamesAccepted') || isTrue(crd, 'Established')) return undefined;
  const said = hasBadAuthority ? INVALID_AUTHORITY : ESTABLISHED;
  return isEquivalent(said, conditionOf(crd, 'Established')) ? undefined : withCondition(crd.status?.conditions, said, now);
}
