// FlowSchemas and PriorityLevelConfigurations (registry/flowcontrol, printers printFlowSchema, printPriorityLevelConfiguration).
import type { flowcontrolv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';

type FlowSchema = flowcontrolv1.FlowSchema;
type PriorityLevel = flowcontrolv1.PriorityLevelConfiguration;
const GROUP = 'flowcontrol.apiserver.k8s.io';
const PRECEDENCE_MAX = 10_000;

function validateSchema({ metadata, spec }: FlowSchema): Errors {
  const errors: Errors = [];
  const precedence = spec?.matchingPrecedence ?? 0;
  if (precedence <= 0) errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, 'must be a positive value'));
  else if (precedence > PRECEDENCE_MAX) {
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, `must not be greater than ${PRECEDENCE_MAX}`));
  }
  if (precedence === 1 && metadata?.name !== 'exempt') {
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  if (!spec?.priorityLevelConfiguration?.name) {
    errors.push(fieldError.required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  }
  return errors;
}

const queuing = ({ spec }: PriorityLevel, name: 'queues' | 'handSize' | 'queueLengthLimit') =>
  String(spec?.limited?.limitResponse?.queuing?.[name] ?? NONE);

export const flowSchemas = defineBuiltIn<FlowSchema>(GROUP, 'v1', 'flowschemas', {
  validateCreate: validateSchema,
  validateUpdate: validateSchema,
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
  columns: withNameAndAge<PriorityLevel>(
    text('Type', ({ spec }) => spec?.type ?? ''),
    text('NominalConcurrencyShares', ({ spec }) => String((spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? NONE)),
    text('Queues', (level) => queuing(level, 'queues')),
    text('HandSize', (level) => queuing(level, 'handSize')),
    text('QueueLengthLimit', (level) => queuing(level, 'queueLengthLimit')),
  ),
});
