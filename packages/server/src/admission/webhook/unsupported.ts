// What needs expressions (CEL) is refused when it is written, rather than stored and not obeyed.
import { statusError } from '@tiphys/machinery';
import type { AdmissionPlugin } from '../../interfaces.ts';

const GROUP = 'admissionregistration.k8s.io';

export function refuseExpressions(): AdmissionPlugin {
  return {
    name: 'ExpressionsNotSupported',
    validate({ type, operation, object }) {
      if (type.group !== GROUP || operation === 'DELETE') return;
      const { webhooks = [] } = object as { webhooks?: { name: string; matchConditions?: unknown[] }[] };
      const conditional = webhooks.find((hook) => hook.matchConditions?.length);
      if (!conditional) return;
      throw statusError.notImplemented(
        `matchConditions of webhook ${JSON.stringify(conditional.name)} are not supported by this server yet`,
      );
    },
  };
}
