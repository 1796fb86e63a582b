// Services (registry/core/service, apis/core/validation validateService, printers printService).
import type { corev1, KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { BuiltInOptions } from '../built-in/options.ts';
import type { Column, ResourceDefinition } from '../define-resource.ts';
import { balancerWarnings } from '../rules/addresses.ts';
import { ageColumn, mapText, NONE, nameColumn, text, wide } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';
import { nameIsLabel } from '../rules/formats.ts';
import { serviceAllocation } from './service/allocation.ts';
import { dropInternalPolicy, prepareServiceForUpdate } from './service/prepare.ts';
import { checkService, validateServiceStatus, validateServiceUpdate } from './service/rules.ts';
import { serviceWarnings } from './service/warnings.ts';

function externalAddress({ spec, status }: corev1.Service): string {
  const given = spec?.externalIPs ?? [];
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  if (spec?.type === 'ClusterIP' || spec?.type === 'NodePort') return given.join(',') || NONE;
  if (spec?.type !== 'LoadBalancer') return '<unknown>';
  const balanced = new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean));
  return [...[...balanced].sort(), ...given].join(',') || '<pending>';
}

const portText = ({ port, nodePort, protocol }: corev1.ServicePort) =>
  nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;

const columns: readonly Column<corev1.Service>[] = [
  nameColumn as Column<KubeObject>,
  text('Type', ({ spec }) => spec?.type ?? ''),
  text('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] || NONE),
  text('External-IP', externalAddress),
  text('Port(s)', ({ spec }) => (spec?.ports ?? []).map(portText).join(',') || NONE),
  ageColumn as Column<KubeObject>,
  wide(text('Selector', ({ spec }) => mapText(spec?.selector))),
];

/** Services of a server with these ranges. The ports and addresses under way are kept per definition. */
export function services(options: BuiltInOptions): ResourceDefinition<corev1.Service> {
  return defineBuiltIn<corev1.Service>('', 'v1', 'services', {
    ...serviceAllocation(options.serviceCidr, options.nodePortRange),
    validateName: nameIsLabel,
    prepareForCreate(service) {
      service.status = { loadBalancer: {} };
      if (service.spec) dropInternalPolicy(service.spec);
    },
    prepareForUpdate: prepareServiceForUpdate,
    validateCreate(service, context) {
      const errors: Errors = [];
      checkService(errors, service);
      if (!errors.length) for (const text of serviceWarnings(service)) context.warn(text);
      return errors;
    },
    validateUpdate(service, old, context) {
      const errors = validateServiceUpdate(service, old);
      if (!errors.length) for (const text of serviceWarnings(service)) context.warn(text);
      return errors;
    },
    status: {
      validateUpdate(service, old, { warn }) {
        const errors = validateServiceStatus(service, old);
        if (!errors.length) for (const text of balancerWarnings(service.status?.loadBalancer)) warn(text);
        return errors;
      },
    },
    selectableFields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
    columns,
  });
}
