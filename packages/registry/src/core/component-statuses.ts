// ComponentStatuses, which upstream keeps for old clients (registry/core/componentstatus, printers printComponentStatus).
import type { corev1, KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { nameColumn, text } from '../rules/columns.ts';

type ComponentStatus = corev1.ComponentStatus;
const healthy = ({ conditions }: ComponentStatus) => conditions?.find(({ type }) => type === 'Healthy');

export const componentStatuses = defineBuiltIn<ComponentStatus>('', 'v1', 'componentstatuses', {
  warning: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    nameColumn as Column<KubeObject>,
    text<ComponentStatus>('Status', (object) => {
      const condition = healthy(object);
      return condition ? (condition.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown';
    }),
    text<ComponentStatus>('Message', (object) => healthy(object)?.message ?? ''),
    text<ComponentStatus>('Error', (object) => healthy(object)?.error ?? ''),
  ],
});
