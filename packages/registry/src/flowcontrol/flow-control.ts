// FlowSchemas and PriorityLevelConfigurations (registry/flowcontrol, printers printFlowSchema, printPriorityLevelConfiguration).
import type { flowcontrolv1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';
import { checkConditions, validateSchema } from './flow-schema-rules.ts';
import { validateLevel } from './priority-level-rules.ts';

type FlowSchema = flowcontrolv1.FlowSchema;
type PriorityLevel = flowcontrolv1.PriorityLevelConfiguration;
const GROUP = 'flowcontrol.apiserver.k8s.io';

function statusErrors({ status }: FlowSchema | PriorityLevel): Errors {
  const errors: Errors = [];
  checkConditions(errors, status?.conditions);
  return errors;
}

/** A write of the status leaves all metadata as it is, and says nothing against what was sent of it. */
function prepareStatus<T extends FlowSchema | PriorityLevel>(object: T, old: T): void {
  const managedFields = object.metadata?.managedFields;
  object.metadata = { ...old.metadata };
  if (managedFields) object.metadata.managedFields = managedFields;
  else delete object.metadata.managedFields;
  object.spec = old.spec;
}

const queuing = ({ spec }: PriorityLevel, name: 'queues' | 'handSize' | 'queueLengthLimit') =>
  String(spec?.limited?.limitResponse?.queuing?.[name] ?? NONE);

export const flowSchemas = defineBuiltIn<FlowSchema>(GROUP, 'v1', 'flowschemas', {
  validateCreate: validateSchema,
  validateUpdate: validateSchema,
  status: { prepareForUpdate: prepareStatus, validateUpdate: statusErrors },
  columns: [
    ...withNameAndAge<FlowSchema>(
      text('PriorityLevel', ({ spec }) => spec?.priorityLevelConfiguration?.name ?? ''),
      text('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence ?? 0),
      text('DistinguisherMethod', ({ spec }) => spec?.distinguisherMethod?.type ?? NONE),
    ),
    text<FlowSchema>('MissingPL', ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ] as Column<FlowSchema>[],
});

export const priorityLevels = defineBuiltIn<PriorityLevel>(GROUP, 'v1', 'prioritylevelconfigurations', {
  validateCreate: validateLevel,
  validateUpdate: validateLevel,
  status: { prepareForUpdate: prepareStatus, validateUpdate: statusErrors },
  columns: withNameAndAge<PriorityLevel>(
    text('Type', ({ spec }) => spec?.type ?? ''),
    text('NominalConcurrencyShares', ({ spec }) => String((spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? NONE)),
    text('Queues', (level) => queuing(level, 'queues')),
    text('HandSize', (level) => queuing(level, 'handSize')),
    text('QueueLengthLimit', (level) => queuing(level, 'queueLengthLimit')),
  ),
});
