// What the FlowSchemas and PriorityLevelConfigurations of the cluster come to: limits of the levels, and the order of the schemas
// (apiserver pkg/util/flowcontrol/apf_controller.go cfgMeal). Pure: the same objects give the same plan.
import type { flowcontrolv1 } from '@tiphys/api';
import { allocate } from './allocation.ts';
import { byPrecedence } from './classify.ts';
import type { QueuingConfiguration } from './queue-set.ts';

export const EXEMPT = 'exempt';
export const CATCH_ALL = 'catch-all';
/** The part of a level's seats that one list may take. */
const SEATS_MAX_PART = 0.15;

export interface LevelPlan {
  name: string;
  uid: string;
  isExempt: boolean;
  queuing: QueuingConfiguration;
  nominal: number;
  /** What remains when all that may be lent is lent, and what the level has when it borrows all it may. */
  lowest: number;
  highest: number;
  listSeatsMax: number;
}

export interface FlowPlan {
  levels: LevelPlan[];
  /** Those whose level is there, in the order in which they are asked. */
  schemas: flowcontrolv1.FlowSchema[];
}

type Level = flowcontrolv1.PriorityLevelConfiguration;
type Schema = flowcontrolv1.FlowSchema;

const MANDATORY_EXEMPT: Level = {
  metadata: { name: EXEMPT },
  spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
};
const MANDATORY_CATCH_ALL: Level = {
  metadata: { name: CATCH_ALL },
  spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } } },
};

const everyone = (level: string, precedence: number, ...groups: string[]): Schema => ({
  metadata: { name: level },
  spec: {
    matchingPrecedence: precedence,
    priorityLevelConfiguration: { name: level },
    ...(level === CATCH_ALL ? { distinguisherMethod: { type: 'ByUser' } } : {}),
    rules: [
      {
        subjects: groups.map((name) => ({ kind: 'Group', group: { name } })),
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  },
});

function queuingOf({ spec }: Level): QueuingConfiguration {
  if (spec?.type === 'Exempt') return { queues: -1, queueLength: 0, handSize: 1 };
  const queuing = spec?.limited?.limitResponse?.queuing;
  if (!queuing) return { queues: 0, queueLength: 0, handSize: 1 };
  return { queues: queuing.queues ?? 64, queueLength: queuing.queueLengthLimit ?? 50, handSize: queuing.handSize ?? 8 };
}

/** An object that contradicts itself is left out, as upstream leaves it out. */
function isSound({ metadata, spec }: Level): boolean {
  const isExempt = spec?.type === 'Exempt';
  if ((spec?.limited !== undefined) === isExempt || isExempt !== (metadata?.name === EXEMPT)) return false;
  const response = spec?.limited?.limitResponse;
  return isExempt || (response?.type === 'Reject') === (response?.queuing === undefined);
}

const sharesOf = ({ spec }: Level): number =>
  spec?.type === 'Exempt' ? (spec.exempt?.nominalConcurrencyShares ?? 0) : (spec?.limited?.nominalConcurrencyShares ?? 30);

function levelPlan(level: Level, sharesSum: number, seats: number): LevelPlan {
  const { limited, exempt } = level.spec!;
  const nominal = Math.ceil((seats * sharesOf(level)) / sharesSum);
  const lendable = Math.round((nominal * ((limited ?? exempt)?.lendablePercent ?? 0)) / 100);
  const percent = limited?.borrowingLimitPercent;
  const queuing = queuingOf(level);
  return {
    name: level.metadata!.name!,
    uid: level.metadata!.uid ?? '',
    isExempt: level.spec!.type === 'Exempt',
    queuing,
    nominal,
    lowest: nominal - lendable,
    highest: nominal + (percent === undefined ? seats : Math.round((nominal * percent) / 100)),
    listSeatsMax:
      queuing.queues > 0 ? Math.max(1, Math.min(Math.ceil(nominal * SEATS_MAX_PART), Math.floor(nominal / queuing.handSize))) : 0,
  };
}

/** `seats` is the concurrency of the whole server. */
export function flowPlan(given: readonly Level[], schemas: readonly Schema[], seats: number): FlowPlan {
  const levels = given.filter(isSound);
  if (!levels.some(({ metadata }) => metadata?.name === EXEMPT)) levels.push(MANDATORY_EXEMPT);
  if (!levels.some(({ metadata }) => metadata?.name === CATCH_ALL)) levels.push(MANDATORY_CATCH_ALL);
  const sharesSum = levels.reduce((sum, level) => sum + sharesOf(level), 0);
  const names = new Set(levels.map(({ metadata }) => metadata!.name!));
  const usable = schemas.filter((schema) => names.has(schema.spec?.priorityLevelConfiguration.name ?? '')).sort(byPrecedence);
  const has = (name: string) => usable.some(({ metadata }) => metadata?.name === name);
  if (!has(EXEMPT)) usable.unshift(everyone(EXEMPT, 1, 'system:masters'));
  if (!has(CATCH_ALL)) usable.push(everyone(CATCH_ALL, 10_000, 'system:unauthenticated', 'system:authenticated'));
  return { levels: levels.map((level) => levelPlan(level, sharesSum, seats)), schemas: usable };
}

export interface Wish extends Pick<LevelPlan, 'isExempt' | 'nominal' | 'lowest' | 'highest'> {
  highWatermark: number;
  smoothed: number;
}

export interface Adjustment {
  limits: number[];
  targets: number[];
  fairFraction: number;
}

/** Seats go from levels that do not need them to levels that do, within what each may lend and borrow. */
export function adjusted(wishes: readonly Wish[]): Adjustment {
  const total = wishes.reduce((sum, { nominal }) => sum + nominal, 0);
  const needed = wishes.map(({ isExempt, nominal, lowest, highWatermark }) =>
    Math.max(lowest, isExempt ? highWatermark : Math.min(nominal, highWatermark)),
  );
  const limited = wishes.flatMap(({ isExempt }, i) => (isExempt ? [] : [i]));
  const remaining = total - wishes.reduce((sum, { isExempt }, i) => sum + (isExempt ? needed[i]! : 0), 0);
  const lowestSum = limited.reduce((sum, i) => sum + wishes[i]!.lowest, 0);
  const neededSum = limited.reduce((sum, i) => sum + needed[i]!, 0);
  const targets = wishes.map(({ smoothed }, i) => Math.max(needed[i]!, smoothed));
  const limits = [...needed];
  if (remaining <= lowestSum) for (const i of limited) limits[i] = wishes[i]!.lowest;
  else if (remaining <= neededSum) {
    const part = (remaining - lowestSum) / (neededSum - lowestSum);
    for (const i of limited) limits[i] = wishes[i]!.lowest + Math.round((needed[i]! - wishes[i]!.lowest) * part);
  } else {
    const items = limited.map((i) => ({ target: targets[i]!, lowerBound: needed[i]!, upperBound: wishes[i]!.highest }));
    const found = allocate(total, items);
    for (const [at, i] of limited.entries()) limits[i] = Math.round(found?.allocations[at] ?? wishes[i]!.nominal);
    return { limits, targets, fairFraction: found?.proportion ?? 0 };
  }
  return { limits, targets, fairFraction: 0 };
}

/** The Dangling condition a schema should have. */
export function danglingCondition(schema: Schema, levels: ReadonlySet<string>): flowcontrolv1.FlowSchemaCondition {
  const name = schema.spec?.priorityLevelConfiguration.name ?? '';
  const start = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`;
  return levels.has(name)
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${start} and it exists` }
    : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${start} but there is no such object` };
}
